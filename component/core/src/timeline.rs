//! What became of a call's attempts. Times are nanoseconds.

use crate::defaults::MAX_CODE_CHARACTERS;
use crate::retry::Stopped;

/// One request that was sent for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began, counted from the start of the call.
    pub start: u64,
    /// How long it took.
    pub duration: u64,
    /// The status of its answer.
    pub status: Option<u16>,
    /// The code of its error.
    pub error: Option<String>,
    /// The wait after it that was meant to be followed by another.
    pub wait: Option<u64>,
}

/// The attempts of a call, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Those that have ended, and perhaps one that has not.
    pub attempts: Vec<Attempt>,
    /// Why no other attempt was made after the last; none if that succeeded.
    pub stopped: Option<Stopped>,
}

impl Timeline {
    /// An attempt begins.
    pub fn begin(&mut self, now: u64) {
        self.attempts.push(Attempt {
            start: now,
            duration: 0,
            status: None,
            error: None,
            wait: None,
        });
    }

    /// The last attempt ends: with a status, an error without secrets, or both.
    pub fn end(&mut self, now: u64, status: Option<u16>, error: Option<&str>) {
        if let Some(last) = self.attempts.last_mut() {
            last.duration = now.saturating_sub(last.start);
            last.status = status;
            // A server's code can be as long as its answer.
            last.error = error.map(|code| code.chars().take(MAX_CODE_CHARACTERS).collect());
        }
    }

    /// A wait follows the last attempt.
    pub fn wait(&mut self, wait: u64) {
        if let Some(last) = self.attempts.last_mut() {
            last.wait = Some(wait);
        }
    }

    /// The call ends with an error that came from outside of its attempts, in the middle of one
    /// perhaps.
    pub fn interrupt(&mut self, now: u64, error: &str, stopped: Stopped) {
        self.stopped = Some(stopped);
        let last = self.attempts.last();
        if last.is_some_and(|last| last.status.is_none() && last.error.is_none()) {
            self.end(now, None, Some(error));
        }
    }
}
