//! Whether a failed attempt is followed by another, and when.
//!
//! The vocabulary is that of the AWS SDKs: full jitter, throttling, and a budget of tokens that
//! bounds what all calls of a client add to the load of a server that fails.

use std::time::Duration;

use crate::defaults::{
    BACKOFF, MAX_BACKOFF, MAX_RETRY_AFTER, RETRY_BUDGET, RETRY_COST, THROTTLE_BACKOFF,
    THROTTLE_COST,
};
use crate::error::{Error, ErrorKind, Phase};
use crate::problem::Problem;

/// How the waits grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(serde::Serialize, schemars::JsonSchema),
    serde(rename_all = "lowercase")
)]
pub enum Backoff {
    /// Each is up to twice as long as the one before.
    #[default]
    Exponential,
    /// Each is longer than the one before by as much.
    Linear,
}

impl Backoff {
    /// The wait before the `nth` retry, from 0 on: full jitter, any time up to the ceiling is as
    /// likely, which never is above `longest`. `random` is evenly distributed.
    pub fn wait(self, scale: Duration, nth: u32, longest: Duration, random: u64) -> Duration {
        let factor = match self {
            Self::Exponential => 1u32.checked_shl(nth).unwrap_or(u32::MAX),
            Self::Linear => nth.saturating_add(1),
        };
        let ceiling = scale.saturating_mul(factor).min(longest);
        let nanoseconds = (ceiling.as_nanos() * u128::from(random)) >> 64;
        Duration::from_nanos(nanoseconds as u64)
    }
}

/// Why a call that failed was not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The server's answer will not change, or it says so itself.
    ServerSaidNo,
    /// What went wrong would go wrong again.
    NotRetryable,
    /// The server may have acted on the request, and the call is neither idempotent nor keyed.
    NotIdempotent,
    /// The content can be read only once.
    BodyConsumed,
    /// As many attempts were made as are allowed.
    AttemptsUsedUp,
    /// The server asks for a longer wait than any.
    WaitTooLong,
    /// The call's time would have passed, or has.
    Deadline,
    /// The client's retries have used up what its successes allow.
    BudgetEmpty,
    /// Too many calls wait already.
    QueueFull,
    /// The client was closed.
    Closed,
}

/// What a failure means for another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The server has not seen the request.
    Unsent,
    /// It may have, and may do better next time.
    Transient,
    /// It has, and has too much to do.
    Throttling,
    /// Another attempt would be in vain.
    Final(Stopped),
}

impl Class {
    fn of(error: &Error) -> Self {
        match (error.kind, error.phase, &error.problem) {
            (_, _, Some(problem)) if is_throttling(problem) => Self::Throttling,
            // A credential that was refused will be refused again, whatever the server says.
            (_, _, Some(problem)) if problem.retryable && !matches!(problem.status, 401 | 403) => {
                Self::Transient
            }
            (_, _, Some(_)) => Self::Final(Stopped::ServerSaidNo),
            _ if error.is_of_certificate() => Self::Final(Stopped::NotRetryable),
            (ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls, ..)
            | (ErrorKind::Timeout, Some(Phase::Connect), _) => Self::Unsent,
            (ErrorKind::Timeout, Some(Phase::Read | Phase::Write), _) => Self::Transient,
            (ErrorKind::Network, ..)
                if matches!(
                    error.code.as_str(),
                    "connection_terminated" | "response_incomplete"
                ) =>
            {
                Self::Transient
            }
            _ => Self::Final(Stopped::NotRetryable),
        }
    }
}

/// Whether a server says that it has too much to do: 429, or the load shedding of omnigate and
/// svc-edge, a 503 with a reason but no code (`protocol.md` 1.8, 2.2 O5).
pub fn is_throttling(problem: &Problem) -> bool {
    let shedding = problem.status == 503 && problem.code == "http_503" && problem.reason.is_some();
    problem.retryable && (problem.status == 429 || shedding)
}

/// What the retries of a root session and those derived from it may cost. Successes fill it again,
/// so that a server which fails for good soon sees little more than one request a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    tokens: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tokens: RETRY_BUDGET,
        }
    }
}

impl Budget {
    /// What is left.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    fn take(&mut self, cost: u32) -> bool {
        match self.tokens.checked_sub(cost) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// Gives back what was taken for an attempt.
    pub fn give(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(RETRY_BUDGET);
    }
}

/// Another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait before it.
    pub wait: Duration,
    /// What was taken from the budget for it.
    pub cost: u32,
}

/// The retries of one call.
#[derive(Debug, Clone)]
pub struct Retries {
    allowed: u32,
    backoff: Backoff,
    /// Whether the server may see the request again.
    repeatable: bool,
    /// Whether the content can be sent again.
    body_repeats: bool,
    made: u32,
    /// What the last one cost.
    paid: Option<u32>,
}

impl Retries {
    /// For a call that allows so many, and whether it is `repeatable`: idempotent by its method or
    /// by a key. `body_repeats` tells whether its content, if any, can be sent again.
    pub fn new(allowed: u32, backoff: Backoff, repeatable: bool, body_repeats: bool) -> Self {
        Self {
            allowed,
            backoff,
            repeatable,
            body_repeats,
            made: 0,
            paid: None,
        }
    }

    /// The next attempt, after one that failed with `error`.
    ///
    /// `left` is the time until the call's deadline; `random` is evenly distributed.
    ///
    /// # Errors
    ///
    /// Why there is no next attempt.
    pub fn next(
        &mut self,
        error: &Error,
        left: Duration,
        budget: &mut Budget,
        random: impl FnOnce() -> u64,
    ) -> Result<Retry, Stopped> {
        let class = Class::of(error);
        let (scale, cost) = match class {
            Class::Final(stopped) => return Err(stopped),
            Class::Throttling => (THROTTLE_BACKOFF, THROTTLE_COST),
            Class::Unsent | Class::Transient => (BACKOFF, RETRY_COST),
        };
        if class != Class::Unsent && !self.repeatable {
            return Err(Stopped::NotIdempotent);
        }
        if !self.body_repeats {
            return Err(Stopped::BodyConsumed);
        }
        if self.made >= self.allowed {
            return Err(Stopped::AttemptsUsedUp);
        }
        let backoff = self.backoff.wait(scale, self.made, MAX_BACKOFF, random());
        let wait = backoff.max(retry_after(error).unwrap_or_default());
        if wait > MAX_RETRY_AFTER {
            return Err(Stopped::WaitTooLong);
        }
        if wait >= left {
            return Err(Stopped::Deadline);
        }
        if !budget.take(cost) {
            return Err(Stopped::BudgetEmpty);
        }
        self.made += 1;
        self.paid = Some(cost);
        Ok(Retry { wait, cost })
    }

    /// The last attempt succeeded: it gives back what it cost, or one token if it was the first.
    pub fn succeeded(&self, budget: &mut Budget) {
        budget.give(self.paid.unwrap_or(1));
    }
}

/// The wait that the server asks for.
pub fn retry_after(error: &Error) -> Option<Duration> {
    let wait = error.problem.as_ref()?.retry_after_ms?;
    Some(Duration::from_millis(wait))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;
    use crate::defaults::{MAX_RETRIES, RETRIES};

    const LONG: Duration = Duration::from_secs(1_000);

    fn problem(status: u16, body: &str) -> Error {
        Problem::from_response(status, &[], body.as_bytes(), UNIX_EPOCH).into()
    }

    fn network(code: &str) -> Error {
        Error::new(ErrorKind::Network, code, "")
    }

    fn unsent() -> Vec<Error> {
        vec![
            Error::new(ErrorKind::Dns, "dns_error", ""),
            Error::new(ErrorKind::Connect, "connection_refused", ""),
            Error::new(ErrorKind::Tls, "tls_protocol_error", ""),
            Error::timeout(Phase::Connect, ""),
        ]
    }

    fn sent() -> Vec<Error> {
        let mut errors = vec![
            network("connection_terminated"),
            network("response_incomplete"),
            Error::timeout(Phase::Read, ""),
            Error::timeout(Phase::Write, ""),
            problem(500, r#"{"code":"x","retryable":true}"#),
        ];
        errors.extend([408, 429, 502, 503, 504].map(|status| problem(status, "")));
        errors
    }

    fn hopeless() -> Vec<Error> {
        let mut errors = vec![
            network("http_protocol_error"),
            network("internal_error"),
            Error::new(ErrorKind::TooLarge, "response_too_large", ""),
            Error::new(ErrorKind::Closed, "closed", ""),
            Error::certificate(""),
            Error::timeout(Phase::Overall, ""),
            problem(503, r#"{"code":"x","retryable":false}"#),
            problem(429, r#"{"retryable":false,"reason":"quota"}"#),
            problem(403, r#"{"code":"POLICY_DENY","retryable":true}"#),
            problem(401, r#"{"code":"x","retryable":true}"#),
        ];
        errors.extend([302, 400, 404, 409, 500, 501].map(|status| problem(status, "")));
        errors
    }

    fn next(repeatable: bool, error: &Error) -> Result<Duration, Stopped> {
        let mut retries = Retries::new(RETRIES, Backoff::default(), repeatable, true);
        let next = retries.next(error, LONG, &mut Budget::default(), || u64::MAX);
        next.map(|retry| retry.wait)
    }

    #[test]
    fn what_the_server_never_saw_is_tried_again_whatever_the_call() {
        for error in unsent() {
            assert!(next(true, &error).is_ok(), "{}", error.code);
            assert!(next(false, &error).is_ok(), "{}", error.code);
        }
    }

    #[test]
    fn what_it_may_have_seen_is_tried_again_only_if_that_does_no_harm() {
        for error in sent() {
            assert!(next(true, &error).is_ok(), "{}", error.code);
            assert_eq!(next(false, &error), Err(Stopped::NotIdempotent));
        }
    }

    #[test]
    fn what_would_fail_again_is_not_tried_again_and_the_server_may_say_so() {
        for error in hopeless() {
            let expected = match error.problem {
                Some(_) => Stopped::ServerSaidNo,
                None => Stopped::NotRetryable,
            };
            assert_eq!(next(true, &error), Err(expected), "{}", error.code);
            assert_eq!(next(false, &error), Err(expected), "{}", error.code);
        }
    }

    #[test]
    fn as_many_retries_as_allowed_are_made_and_the_success_of_the_last_gives_back_its_cost() {
        let mut budget = Budget::default();
        let mut retries = Retries::new(3, Backoff::default(), true, true);
        let mut next = |error: &Error| {
            let next = retries.next(error, LONG, &mut budget, || u64::MAX);
            next.map(|retry| (retry.wait.as_millis(), retry.cost))
        };
        assert_eq!(next(&problem(503, "")), Ok((99, RETRY_COST)));
        assert_eq!(next(&problem(503, "")), Ok((199, RETRY_COST)));
        assert_eq!(next(&problem(429, "")), Ok((3_999, THROTTLE_COST)));
        assert_eq!(next(&problem(503, "")), Err(Stopped::AttemptsUsedUp));
        retries.succeeded(&mut budget);
        assert_eq!(budget.tokens(), RETRY_BUDGET - 2 * RETRY_COST);
    }

    #[test]
    fn a_body_that_can_be_read_once_is_sent_once() {
        let mut retries = Retries::new(RETRIES, Backoff::default(), true, false);
        for error in [&unsent()[0], &sent()[0]] {
            let stopped = retries.next(error, LONG, &mut Budget::default(), || 0);
            assert_eq!(stopped, Err(Stopped::BodyConsumed));
        }
    }

    #[test]
    fn the_servers_wish_is_a_lower_bound_of_the_wait_and_too_long_a_one_ends_the_call() {
        let asking = |milliseconds: u64| {
            problem(
                503,
                &format!(r#"{{"code":"x","retry_after_ms":{milliseconds}}}"#),
            )
        };
        assert_eq!(next(true, &asking(700)), Ok(Duration::from_millis(700)));
        assert!(next(true, &asking(1)).is_ok_and(|wait| wait > Duration::from_millis(90)));
        assert!(next(true, &asking(60_000)).is_ok());
        assert_eq!(next(true, &asking(60_001)), Err(Stopped::WaitTooLong));
        assert_eq!(next(true, &asking(u64::MAX)), Err(Stopped::WaitTooLong));
        let mut retries = Retries::new(RETRIES, Backoff::default(), true, true);
        let left = Duration::from_millis(700);
        let stopped = retries.next(&asking(700), left, &mut Budget::default(), || 0);
        assert_eq!(stopped, Err(Stopped::Deadline));
    }

    #[test]
    fn load_shedding_is_throttling_and_an_outage_is_not() {
        let cost = |error: &Error| {
            let mut budget = Budget::default();
            let mut retries = Retries::new(RETRIES, Backoff::default(), true, true);
            let wait = retries.next(error, LONG, &mut budget, || u64::MAX);
            (
                RETRY_BUDGET - budget.tokens(),
                wait.unwrap().wait.as_millis(),
            )
        };
        let shed = r#"{"reason":"overloaded","message":"server is shedding load; please retry"}"#;
        assert_eq!(cost(&problem(503, shed)), (THROTTLE_COST, 999));
        assert_eq!(cost(&problem(429, "")), (THROTTLE_COST, 999));
        for outage in ["", "<html>", r#"{"code":"x","reason":"y"}"#] {
            assert_eq!(cost(&problem(503, outage)), (RETRY_COST, 99));
        }
    }

    #[test]
    fn a_budget_that_is_empty_stops_retries_and_successes_fill_it() {
        let mut budget = Budget::default();
        let fail = |budget: &mut Budget| {
            let mut retries = Retries::new(1, Backoff::default(), true, true);
            let next = retries.next(&sent()[0], LONG, budget, || 0);
            (retries, next)
        };
        let afforded = RETRY_BUDGET / RETRY_COST;
        for _ in 0..afforded {
            assert!(fail(&mut budget).1.is_ok());
        }
        assert_eq!(fail(&mut budget).1, Err(Stopped::BudgetEmpty));
        let first = Retries::new(1, Backoff::default(), true, true);
        for _ in 0..RETRY_COST {
            first.succeeded(&mut budget);
        }
        let (retried, next) = fail(&mut budget);
        assert!(next.is_ok());
        let before = budget.tokens();
        retried.succeeded(&mut budget);
        assert_eq!(budget.tokens(), before + RETRY_COST);
        for _ in 0..2 * RETRY_BUDGET {
            first.succeeded(&mut budget);
        }
        assert_eq!(budget.tokens(), RETRY_BUDGET);
    }

    fn any_error() -> impl Strategy<Value = Error> {
        let problems = (300u16..600, any::<Option<bool>>(), any::<Option<u64>>()).prop_map(
            |(status, retryable, wait)| {
                let mut error = problem(status, "");
                let problem = error.problem.as_mut().unwrap();
                problem.retryable = retryable.unwrap_or(problem.retryable);
                problem.retry_after_ms = wait;
                error
            },
        );
        let others = prop::sample::select([unsent(), sent(), hopeless()].concat());
        prop_oneof![problems, others]
    }

    proptest! {
        /// Whatever goes wrong, retries stay within their number, the deadline, the bounds of the
        /// waits and the budget.
        #[test]
        fn retries_stay_within_policy(
            errors in prop::collection::vec(any_error(), 0..20),
            allowed in 0..=MAX_RETRIES,
            linear: bool,
            repeatable: bool,
            mut left in 0u64..200_000,
            random: u64,
        ) {
            let backoff = if linear { Backoff::Linear } else { Backoff::Exponential };
            let mut budget = Budget::default();
            let mut retries = Retries::new(allowed, backoff, repeatable, true);
            let mut spent = 0;
            for (nth, error) in errors.iter().enumerate() {
                let before = budget.tokens();
                match retries.next(error, Duration::from_millis(left), &mut budget, || random) {
                    Err(_) => {
                        prop_assert_eq!(budget.tokens(), before);
                        break;
                    }
                    Ok(Retry { wait, cost }) => {
                        prop_assert_eq!(cost, before - budget.tokens());
                        spent += cost;
                        let milliseconds = wait.as_millis() as u64;
                        prop_assert!((nth as u32) < allowed);
                        prop_assert!(milliseconds < left);
                        left -= milliseconds;
                        let asked = retry_after(error).unwrap_or_default();
                        prop_assert!(asked <= wait && asked <= MAX_RETRY_AFTER);
                        prop_assert!(wait <= MAX_BACKOFF.max(asked));
                        prop_assert!(repeatable || Class::of(error) == Class::Unsent);
                    }
                }
            }
            prop_assert_eq!(spent, RETRY_BUDGET - budget.tokens());
        }

        /// Each wait lies below its ceiling, and the largest draw comes close to it.
        #[test]
        fn a_wait_is_drawn_from_zero_to_its_ceiling(nth in 0u32..200, random: u64) {
            let factor = 1u128.checked_shl(nth).unwrap_or(u128::MAX);
            let exponential = (BACKOFF.as_nanos().saturating_mul(factor)).min(MAX_BACKOFF.as_nanos());
            let linear = (BACKOFF.as_nanos() * u128::from(nth + 1)).min(MAX_BACKOFF.as_nanos());
            for (backoff, ceiling) in [(Backoff::Exponential, exponential), (Backoff::Linear, linear)] {
                prop_assert!(backoff.wait(BACKOFF, nth, MAX_BACKOFF, random).as_nanos() < ceiling);
                prop_assert_eq!(backoff.wait(BACKOFF, nth, MAX_BACKOFF, u64::MAX).as_nanos(), ceiling - 1);
                prop_assert_eq!(backoff.wait(BACKOFF, nth, MAX_BACKOFF, 0), Duration::ZERO);
            }
        }
    }
}
