//! Whether a stream that was lost is connected again, and when.

use std::time::Duration;

use crate::defaults::{
    LASTING_CONNECTION, MAX_RECONNECT_DELAY, MAX_RECONNECT_SCALE, MAX_RETRY_AFTER,
    MIN_RECONNECT_SCALE, THROTTLE_COST,
};
use crate::error::{Error, ErrorKind};
use crate::retry::{Backoff, Budget, Retry, retry_after};

/// When to go on trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence {
    /// Whether to try at all.
    pub reconnect: bool,
    /// The scale of the waits, until the server sets another.
    pub delay: Duration,
    /// How long to try without a fruitful connection, if not for ever.
    pub timeout: Option<Duration>,
    /// How many connections in a row may be tried in vain, if not any number.
    pub max_reconnects: Option<u32>,
}

/// What became of a connection that is lost. Times are those of the monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connection {
    /// When the stream opened, if it did.
    pub opened: Option<u64>,
    /// Whether it gave an event.
    pub gave_event: bool,
}

/// The connections of one subscription.
#[derive(Debug, Clone)]
pub struct Reconnects {
    persistence: Persistence,
    /// How often the scale of the next wait is doubled.
    doublings: u32,
    /// Connections that were tried in vain since the last fruitful one, which gave an event or lived
    /// for a while.
    in_vain: u32,
    /// When that one was lost, or the subscription began.
    since: u64,
    /// What the last one took from the budget.
    paid: u32,
}

impl Reconnects {
    /// For a subscription that begins `now`.
    pub fn new(persistence: Persistence, now: u64) -> Self {
        Self {
            persistence,
            doublings: 0,
            in_vain: 0,
            since: now,
            paid: 0,
        }
    }

    /// The server has set the reconnection time, in milliseconds.
    pub fn set_delay(&mut self, milliseconds: u64) {
        let delay = Duration::from_millis(milliseconds);
        self.persistence.delay = delay.clamp(MIN_RECONNECT_SCALE, MAX_RECONNECT_SCALE);
    }

    /// The stream has opened: the budget gets back what that cost.
    pub fn opened(&mut self, budget: &mut Budget) {
        budget.give(std::mem::take(&mut self.paid).max(1));
    }

    /// The next connection, after one that was lost, or not made, because of `error`. `random` is
    /// evenly distributed.
    ///
    /// # Errors
    ///
    /// Why there is none: `error` itself where another would meet it again, else one of kind `stream`.
    pub fn next(
        &mut self,
        error: &Error,
        connection: Connection,
        now: u64,
        budget: &mut Budget,
        random: impl FnOnce() -> u64,
    ) -> Result<Retry, Error> {
        let lived = connection.opened.map_or(Duration::ZERO, |opened| {
            Duration::from_nanos(now.saturating_sub(opened))
        });
        let lasted = lived >= LASTING_CONNECTION;
        if connection.gave_event || lasted {
            self.in_vain = 0;
            self.since = now;
        }
        if connection.gave_event && lasted {
            self.doublings = 0;
        }
        if is_final(error) {
            return Err(error.clone());
        }
        let Persistence {
            reconnect,
            delay,
            timeout,
            max_reconnects,
        } = self.persistence;
        if !reconnect {
            return Err(given_up("reconnects_exhausted", "reconnect is off", error));
        }
        if max_reconnects.is_some_and(|max| self.in_vain >= max) {
            let tried = format!("{} connections in a row were tried in vain", self.in_vain);
            return Err(given_up("reconnects_exhausted", &tried, error));
        }
        let longest = MAX_RECONNECT_DELAY.max(delay);
        let backoff = Backoff::Exponential.wait(delay, self.doublings, longest, random());
        let wait = backoff.max(retry_after(error).unwrap_or_default());
        if wait > MAX_RETRY_AFTER {
            let asked = format!("the server asks to wait {wait:?}, too long");
            return Err(given_up("wait_too_long", &asked, error));
        }
        let fruitless = Duration::from_nanos(now.saturating_sub(self.since));
        if timeout.is_some_and(|timeout| fruitless.saturating_add(wait) > timeout) {
            let passed = format!("there has been no fruitful connection for {fruitless:?}");
            return Err(given_up("reconnect_timeout", &passed, error));
        }
        let asked_to_wait = matches!(&error.problem, Some(p) if matches!(p.status, 429 | 503));
        let cost = if asked_to_wait { THROTTLE_COST } else { 0 };
        if !budget.take(cost) {
            let empty = "the budget for retries is empty";
            return Err(given_up("budget_empty", empty, error));
        }
        self.paid = cost;
        self.doublings = self.doublings.saturating_add(1);
        self.in_vain = self.in_vain.saturating_add(1);
        Ok(Retry { wait, cost })
    }
}

/// Whether another connection would meet the same error.
fn is_final(error: &Error) -> bool {
    match (&error.problem, error.kind) {
        (Some(problem), _) => problem.status < 500 && !matches!(problem.status, 408 | 425 | 429),
        (
            None,
            ErrorKind::Request | ErrorKind::Config | ErrorKind::TooLarge | ErrorKind::Closed,
        ) => true,
        (None, ErrorKind::Stream) => error.code != STREAM_ENDED,
        (None, _) => false,
    }
}

/// The code of the error that a stream has which came to its end.
pub const STREAM_ENDED: &str = "stream_ended";

fn given_up(code: &str, why: &str, last: &Error) -> Error {
    let message = format!(
        "the stream was given up, since {why}; the last error: {}",
        last.message
    );
    Error::new(ErrorKind::Stream, code, message)
}
