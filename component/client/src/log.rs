//! What calls tell of themselves: `tracing` events, kept until the host takes them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use ron_core::defaults::MAX_LOG_EVENTS;

use crate::runtime;

/// One event.
pub struct Entry {
    /// The call it is about; none if it ran under no token.
    pub token: u64,
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// What belongs to it.
    pub fields: Vec<(&'static str, String)>,
}

struct Log {
    level: Cell<LevelFilter>,
    entries: RefCell<VecDeque<Entry>>,
}

thread_local! {
    static LOG: Log = const {
        Log {
            level: Cell::new(LevelFilter::OFF),
            entries: RefCell::new(VecDeque::new()),
        }
    };
}

/// Sets which events are kept. Off is free: the macros of `tracing` ask one static first.
pub fn set_level(level: LevelFilter) {
    LOG.with(|log| {
        if log.level.replace(level) != level {
            // It is set already at any time but the first.
            let _ = tracing::dispatcher::set_global_default(Dispatch::new(Keeper));
            tracing::callsite::rebuild_interest_cache();
        }
    });
}

/// Takes the events.
pub fn take() -> Vec<Entry> {
    LOG.with(|log| log.entries.take().into())
}

struct Keeper;

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LOG.with(|log| log.level.get())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LOG.with(|log| log.level.get()))
    }

    fn event(&self, event: &Event<'_>) {
        let mut reader = Reader::default();
        event.record(&mut reader);
        LOG.with(|log| {
            let mut entries = log.entries.borrow_mut();
            if entries.len() == MAX_LOG_EVENTS {
                entries.pop_front();
            }
            entries.push_back(Entry {
                token: runtime::current(),
                level: *event.metadata().level(),
                message: reader.message,
                fields: reader.fields,
            });
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Takes an event apart.
#[derive(Default)]
struct Reader {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Reader {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            name => self.fields.push((name, value.to_owned())),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), value.to_string()));
    }

    // No event has a field of these types, and the default methods bring the code that formats them.
    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_i128(&mut self, _: &Field, _: i128) {}

    fn record_u128(&mut self, _: &Field, _: u128) {}

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
