//! `ron:app/driver`: for a host that owns the event loop.

use tracing::level_filters::LevelFilter;

use ron_abi::into_latin1;

use crate::credentials::Reason;
use crate::streams::Subscription;
use crate::wit::exports::ron::app::driver::{
    Guest, LogEvent, LogField, LogLevel, SubscriptionBorrow, Want, WantReason,
};
use crate::{Client, credentials, log, runtime};

impl Guest for Client {
    fn woken() -> Vec<u64> {
        runtime::woken()
    }

    fn wanted() -> Vec<Want> {
        let wanted = credentials::wanted().into_iter();
        let want = |(token, reason)| Want {
            token,
            reason: match reason {
                Reason::Missing => WantReason::Missing,
                Reason::Expired => WantReason::Expired,
                Reason::Refused => WantReason::Refused,
            },
        };
        wanted.map(want).collect()
    }

    fn wake_at() -> Option<u64> {
        runtime::wake_at()
    }

    fn supply(subscription: SubscriptionBorrow<'_>, content: String) -> Result<(), String> {
        let bytes = into_latin1("content", content).map_err(|fault| fault.to_string())?;
        subscription.get::<Subscription>().supply(bytes);
        Ok(())
    }

    fn set_log_level(level: Option<LogLevel>) {
        log::set_level(match level {
            None => LevelFilter::OFF,
            Some(LogLevel::Warn) => LevelFilter::WARN,
            Some(LogLevel::Info) => LevelFilter::INFO,
            Some(LogLevel::Debug) => LevelFilter::DEBUG,
        });
    }

    fn take_log() -> Vec<LogEvent> {
        let event = |entry: log::Entry| LogEvent {
            token: entry.token,
            level: match entry.level {
                tracing::Level::ERROR | tracing::Level::WARN => LogLevel::Warn,
                tracing::Level::INFO => LogLevel::Info,
                _ => LogLevel::Debug,
            },
            message: entry.message,
            fields: entry
                .fields
                .into_iter()
                .map(|(name, value)| LogField {
                    name: name.to_owned(),
                    value,
                })
                .collect(),
        };
        log::take().into_iter().map(event).collect()
    }
}
