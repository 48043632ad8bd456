//! What a call tells of itself: the `tracing` events that `log` keeps.
//!
//! There is one call site for each level, since each takes 2 kB of code.

use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::session::Session;

/// What belongs to an event; what is none is left out.
#[derive(Default)]
pub struct Fields<'a> {
    /// The id of the call.
    pub request_id: &'a str,
    /// Its method.
    pub method: Option<&'a str>,
    /// Its path without query.
    pub path: Option<&'a str>,
    /// The number of the attempt, from 1 on.
    pub attempt: Option<usize>,
    /// The status of an answer.
    pub status: Option<u16>,
    /// The code of an error.
    pub code: Option<&'a str>,
    /// How long it took, in nanoseconds.
    pub duration: Option<u64>,
    /// How long the wait is that follows, in nanoseconds.
    pub wait: Option<u64>,
}

macro_rules! event {
    ($level:ident, $message:expr, $fields:expr, $scrubbed:expr) => {
        tracing::event!(
            Level::$level,
            message = $message,
            method = $fields.method,
            path = $scrubbed($fields.path).as_deref(),
            attempt = $fields.attempt.map(|attempt| attempt as u64),
            status = $fields.status.map(u64::from),
            code = $scrubbed($fields.code).as_deref(),
            request_id = $scrubbed(Some($fields.request_id)).as_deref(),
            duration_us = $fields.duration.map(|time| time / 1_000),
            wait_us = $fields.wait.map(|time| time / 1_000),
        )
    };
}

/// Whether anybody hears of events of this level: to find out what belongs to them costs time.
pub fn is_heard(level: Level) -> bool {
    LevelFilter::current() >= level
}

/// Tells of something, without the credential.
#[inline(never)]
pub fn tell(session: &Session, level: Level, message: &str, fields: &Fields<'_>) {
    let scrubbed = |text: Option<&str>| text.map(|text| session.scrubbed(text));
    match level {
        Level::DEBUG => event!(DEBUG, message, fields, scrubbed),
        Level::INFO => event!(INFO, message, fields, scrubbed),
        _ => event!(WARN, message, fields, scrubbed),
    }
}
