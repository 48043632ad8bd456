//! Whether a stream that was lost is connected again, and when.

use std::time::Duration;

use crate::defaults::{
    LASTING_CONNECTION, MAX_RECONNECT_DELAY, MAX_RECONNECT_SCALE, MAX_RETRY_AFTER,
    MIN_RECONNECT_SCALE,
};
use crate::error::{Error, ErrorKind};
use crate::retry::{Backoff, retry_after};

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
}

impl Reconnects {
    /// For a subscription that begins `now`.
    pub fn new(persistence: Persistence, now: u64) -> Self {
        Self {
            persistence,
            doublings: 0,
            in_vain: 0,
            since: now,
        }
    }

    /// The server has set the reconnection time, in milliseconds.
    pub fn set_delay(&mut self, milliseconds: u64) {
        let delay = Duration::from_millis(milliseconds);
        self.persistence.delay = delay.clamp(MIN_RECONNECT_SCALE, MAX_RECONNECT_SCALE);
    }

    /// A connection has ended.
    pub fn lost(&mut self, connection: Connection, now: u64) {
        let lasted = connection.opened.is_some_and(|opened| {
            Duration::from_nanos(now.saturating_sub(opened)) >= LASTING_CONNECTION
        });
        if connection.gave_event || lasted {
            self.in_vain = 0;
            self.since = now;
        }
        if connection.gave_event && lasted {
            self.doublings = 0;
        }
    }

    /// The wait until the next connection, after one that [has ended](Self::lost) because of `error`. `random` is evenly
    /// distributed.
    ///
    /// # Errors
    ///
    /// Why there is none: `error` itself where another would meet it again, else one of kind `stream`.
    pub fn next(
        &mut self,
        error: &Error,
        now: u64,
        random: impl FnOnce() -> u64,
    ) -> Result<Duration, Error> {
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
            let tried = "max_reconnects connections were tried in vain";
            return Err(given_up("reconnects_exhausted", tried, error));
        }
        let longest = MAX_RECONNECT_DELAY.max(delay);
        let backoff = Backoff::Exponential.wait(delay, self.doublings, longest, random());
        let wait = backoff.max(retry_after(error).unwrap_or_default());
        if wait > MAX_RETRY_AFTER {
            let asked = "the server asks to wait for over a minute";
            return Err(given_up("wait_too_long", asked, error));
        }
        let fruitless = Duration::from_nanos(now.saturating_sub(self.since));
        if timeout.is_some_and(|timeout| fruitless.saturating_add(wait) > timeout) {
            let passed = "reconnect_timeout has passed";
            return Err(given_up("reconnect_timeout", passed, error));
        }
        self.doublings = self.doublings.saturating_add(1);
        self.in_vain = self.in_vain.saturating_add(1);
        Ok(wait)
    }
}

/// Whether another connection would meet the same error.
fn is_final(error: &Error) -> bool {
    match (&error.problem, error.kind) {
        (Some(problem), _) => problem.status < 500 && !matches!(problem.status, 408 | 425 | 429),
        (
            None,
            ErrorKind::Request
            | ErrorKind::Config
            | ErrorKind::TooLarge
            | ErrorKind::Closed
            | ErrorKind::Capability,
        ) => true,
        (None, ErrorKind::Tls) => error.is_of_certificate(),
        (None, ErrorKind::Stream) => error.code != STREAM_ENDED,
        (None, _) => false,
    }
}

/// The code of the error that a stream has which came to its end.
pub const STREAM_ENDED: &str = "stream_ended";

fn given_up(code: &str, why: &str, last: &Error) -> Error {
    let message = [
        "the stream was given up, since ",
        why,
        "; the last error: ",
        &last.message,
    ]
    .concat();
    Error::new(ErrorKind::Stream, code, message)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;
    use crate::defaults::RECONNECT_DELAY;
    use crate::error::Phase;
    use crate::problem::Problem;

    const SECOND: u64 = 1_000_000_000;

    fn persistence() -> Persistence {
        Persistence {
            reconnect: true,
            delay: RECONNECT_DELAY,
            timeout: None,
            max_reconnects: None,
        }
    }

    fn ended() -> Error {
        Error::new(
            ErrorKind::Stream,
            STREAM_ENDED,
            "the server has ended the stream",
        )
    }

    fn problem(status: u16, retry_after: &str) -> Error {
        let headers = [("retry-after".to_owned(), retry_after.as_bytes().to_vec())];
        Problem::from_response(status, &headers, b"", UNIX_EPOCH).into()
    }

    /// The longest wait that may be drawn.
    fn ceiling(
        reconnects: &mut Reconnects,
        error: &Error,
        connection: Connection,
        now: u64,
    ) -> Duration {
        reconnects.lost(connection, now);
        let next = reconnects.next(error, now, || u64::MAX);
        let wait = next.unwrap_or_else(|e| panic!("{}", e.message));
        // What is drawn is below it by one nanosecond.
        wait + Duration::from_nanos(1)
    }

    fn vain(reconnects: &mut Reconnects) -> Duration {
        ceiling(reconnects, &ended(), Connection::default(), 0)
    }

    fn code(reconnects: &mut Reconnects, error: &Error, now: u64) -> String {
        let next = reconnects.next(error, now, || 0);
        next.err().map_or_else(String::new, |error| error.code)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut reconnects = Reconnects::new(persistence(), 0);
        let seconds: Vec<u64> = (0..7).map(|_| vain(&mut reconnects).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn only_a_connection_that_lasted_and_gave_an_event_starts_them_over() {
        let after = |opened, gave_event| {
            let mut reconnects = Reconnects::new(persistence(), 0);
            vain(&mut reconnects);
            let connection = Connection { opened, gave_event };
            ceiling(&mut reconnects, &ended(), connection, 60 * SECOND).as_secs()
        };
        assert_eq!(after(Some(0), true), 1);
        assert_eq!(after(Some(1), true), 2);
        assert_eq!(after(Some(0), false), 2);
        assert_eq!(after(None, false), 2);
    }

    #[test]
    fn the_server_sets_the_scale_within_bounds() {
        for (milliseconds, expected) in [(0, 100), (2_500, 2_500), (u64::MAX, 60_000)] {
            let mut reconnects = Reconnects::new(persistence(), 0);
            reconnects.set_delay(milliseconds);
            assert_eq!(vain(&mut reconnects).as_millis(), expected);
        }
    }

    #[test]
    fn what_will_not_change_ends_with_the_error_itself() {
        let mut errors: Vec<_> = [302, 400, 401, 403, 404, 409, 410]
            .map(|status| problem(status, ""))
            .into();
        errors.push(Error::new(ErrorKind::Stream, "wrong_content_type", ""));
        errors.push(Error::new(ErrorKind::TooLarge, "line_too_large", ""));
        errors.push(Error::new(ErrorKind::Capability, "expired", ""));
        errors.push(Error::certificate(""));
        for error in errors {
            let mut reconnects = Reconnects::new(persistence(), 0);
            assert_eq!(code(&mut reconnects, &error, 0), error.code);
        }
    }

    #[test]
    fn other_failures_connect_again() {
        let mut errors: Vec<_> = [408, 425, 429, 500, 502, 503, 504]
            .map(|status| problem(status, ""))
            .into();
        errors.push(ended());
        errors.push(Error::timeout(Phase::Read, ""));
        errors.push(Error::new(ErrorKind::Connect, "connection_refused", ""));
        errors.push(Error::new(ErrorKind::Network, "response_incomplete", ""));
        errors.push(Error::new(ErrorKind::Overload, "queue_full", ""));
        errors.push(Error::new(ErrorKind::Tls, "tls_protocol_error", ""));
        for error in errors {
            let mut reconnects = Reconnects::new(persistence(), 0);
            assert_eq!(code(&mut reconnects, &error, 0), "", "{}", error.code);
        }
    }

    #[test]
    fn the_server_is_waited_for_as_long_as_it_asks_up_to_a_minute() {
        let mut reconnects = Reconnects::new(persistence(), 0);
        let wait = |reconnects: &mut Reconnects, asked: &str| {
            let error = problem(503, asked);
            let next = reconnects.next(&error, 0, || 0);
            next.map(|wait| wait.as_secs()).map_err(|error| error.code)
        };
        assert_eq!(wait(&mut reconnects, "60"), Ok(60));
        assert_eq!(wait(&mut reconnects, "61"), Err("wait_too_long".to_owned()));
    }

    #[test]
    fn connections_in_vain_are_counted_since_the_last_fruitful_one() {
        let mut reconnects = Reconnects::new(
            Persistence {
                max_reconnects: Some(2),
                ..persistence()
            },
            0,
        );
        vain(&mut reconnects);
        vain(&mut reconnects);
        let fruitful = Connection {
            opened: Some(0),
            gave_event: true,
        };
        ceiling(&mut reconnects, &ended(), fruitful, 0);
        vain(&mut reconnects);
        assert_eq!(code(&mut reconnects, &ended(), 0), "reconnects_exhausted");
    }

    #[test]
    fn the_time_without_a_fruitful_connection_is_bounded() {
        let timeout = Some(Duration::from_secs(100));
        let mut reconnects = Reconnects::new(
            Persistence {
                timeout,
                ..persistence()
            },
            0,
        );
        assert_eq!(code(&mut reconnects, &ended(), 100 * SECOND), "");
        assert_eq!(
            code(&mut reconnects, &ended(), 101 * SECOND),
            "reconnect_timeout"
        );
        let lasted = Connection {
            opened: Some(0),
            gave_event: false,
        };
        ceiling(&mut reconnects, &ended(), lasted, 200 * SECOND);
        assert_eq!(code(&mut reconnects, &ended(), 250 * SECOND), "");
    }

    #[test]
    fn without_reconnecting_the_first_failure_is_the_last() {
        let off = Persistence {
            reconnect: false,
            ..persistence()
        };
        let mut reconnects = Reconnects::new(off, 0);
        let error = Error::new(ErrorKind::Connect, "connection_refused", "nobody is there");
        let last = reconnects.next(&error, 0, || 0);
        let last = last.err().unwrap_or_else(|| panic!("it goes on"));
        assert_eq!(
            (last.kind, &*last.code),
            (ErrorKind::Stream, "reconnects_exhausted")
        );
        assert!(last.message.contains("nobody is there"));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_bounds(
            delay in 100u64..60_000,
            lost in prop::collection::vec((any::<u64>(), any::<bool>(), 0u64..100_000_000_000), 1..40),
        ) {
            let delay = Duration::from_millis(delay);
            let mut reconnects = Reconnects::new(Persistence { delay, ..persistence() }, 0);
            let mut now = 0;
            for (random, gave_event, lived) in lost {
                let connection = Connection { opened: Some(now), gave_event };
                now += lived;
                reconnects.lost(connection, now);
                let wait = reconnects.next(&ended(), now, || random);
                prop_assert!(wait.unwrap() < delay.max(MAX_RECONNECT_DELAY));
            }
        }
    }
}
