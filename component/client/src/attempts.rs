//! The attempts of one call: one exchange after another, until an answer or a reason to stop.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::time::Duration;

use ron_core::error::Error;
use ron_core::request::Prepared;
use ron_core::retry::{Budget, Retries, Stopped};
use ron_core::timeline::Timeline;
use tracing::Level;

use crate::answer;
use crate::content::Content;
use crate::credentials::Used;
use crate::exchange::{self, Limits};
use crate::runtime::sleep_until;
use crate::session::Session;
use crate::tell::{Fields, is_heard, tell};
use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::http::types::IncomingResponse;
use crate::wit::wasi::random::random;

/// What the attempts of a call have in common. Times are those of the monotonic clock.
pub struct Attempts<'a> {
    /// The session.
    pub session: &'a Session,
    /// What is sent.
    pub prepared: &'a Prepared,
    /// Its content.
    pub content: Option<&'a Content>,
    /// When the call began.
    pub started: u64,
    /// When it ends at the latest.
    pub deadline: u64,
    /// Where to tell what became of them.
    pub timeline: &'a RefCell<Timeline>,
    /// Whether the last answer asks for the scheme of macaroons.
    pub challenged: Cell<bool>,
}

impl Attempts<'_> {
    /// Tries until there is an answer or a reason to stop.
    pub async fn run(&self) -> Result<IncomingResponse, Error> {
        let root = &self.session.root;
        let config = &self.session.config;
        let mut retries = Retries::new(
            self.prepared.retries,
            config.backoff,
            self.prepared.repeatable,
            self.content.is_none_or(Content::repeats),
        );
        let credentials = &self.session.credentials;
        let mut now = self.started;
        let mut last: Option<(Error, Reserved<'_>)> = None;
        // The one that follows a refusal of the credential, if another is to be had: no retry.
        let mut renewed: Option<Option<Used>> = None;
        let mut may_renew = self.content.is_none_or(Content::repeats);
        loop {
            let ready = match renewed.take() {
                Some(used) => Ok(used),
                None => credentials.next(self.prepared.scheme).await,
            };
            let used = self.session.check_time().and(ready);
            let used = used.map_err(|error| self.stop(error, Stopped::NotRetryable))?;
            let place = match root.limiter.place(now, self.deadline).await {
                Ok(place) => place,
                // What the last attempt met tells more than that there is no place for another.
                Err(refusal) => {
                    return Err(match last {
                        Some((error, _)) => self.stop(error, refusal.stopped),
                        None => refusal.error,
                    });
                }
            };
            if monotonic_clock::now() >= self.deadline {
                // The place came too late. That is for the deadline to tell.
                return pending().await;
            }
            if let Some((_, reserved)) = last {
                reserved.spend();
            }
            let result = self.attempt(used.as_ref()).await;
            drop(place);
            if may_renew
                && let Some(used) = &used
                && let Err(error) = &result
                && is_unauthorized(error)
                && credentials.refused(used, self.challenged.take())
            {
                may_renew = false;
                let next = credentials.next(self.prepared.scheme).await;
                let next = next.map_err(|error| self.stop(error, Stopped::NotRetryable))?;
                if next.as_ref() != Some(used) {
                    now = self
                        .wait(error, monotonic_clock::now(), Duration::ZERO)
                        .await;
                    renewed = Some(next);
                    last = None;
                    continue;
                }
            }
            let error = match result {
                Ok(response) => {
                    retries.succeeded(&mut root.budget.borrow_mut());
                    return Ok(response);
                }
                Err(error) => error,
            };
            now = monotonic_clock::now();
            let left = Duration::from_nanos(self.deadline.saturating_sub(now));
            let draw = random::get_random_u64;
            let next = retries.next(&error, left, &mut root.budget.borrow_mut(), draw);
            let retry = match next {
                Err(stopped) => return Err(self.stop(error, stopped)),
                Ok(retry) => retry,
            };
            let reserved = Reserved {
                budget: &root.budget,
                cost: retry.cost,
            };
            now = self.wait(&error, now, retry.wait).await;
            last = Some((error, reserved));
        }
    }

    fn stop(&self, error: Error, stopped: Stopped) -> Error {
        self.timeline.borrow_mut().stopped = Some(stopped);
        error
    }

    /// Waits; the result is the time then.
    async fn wait(&self, error: &Error, now: u64, wait: Duration) -> u64 {
        let wait = wait.as_nanos() as u64;
        let attempt = {
            let mut timeline = self.timeline.borrow_mut();
            timeline.wait(wait);
            timeline.attempts.len()
        };
        if is_heard(Level::INFO) {
            let fields = Fields {
                request_id: &self.prepared.request_id,
                attempt: Some(attempt),
                code: Some(&error.code),
                wait: Some(wait),
                ..Fields::default()
            };
            tell(self.session, Level::INFO, "retry", &fields);
        }
        let until = now.saturating_add(wait);
        if wait > 0 {
            sleep_until(until).await;
        }
        monotonic_clock::now()
    }

    /// One exchange.
    async fn attempt(&self, used: Option<&Used>) -> Result<IncomingResponse, Error> {
        let began = monotonic_clock::now();
        let attempt = {
            let mut timeline = self.timeline.borrow_mut();
            timeline.begin(began.saturating_sub(self.started));
            timeline.attempts.len()
        };
        let is_heard = is_heard(Level::DEBUG);
        let fields = Fields {
            request_id: &self.prepared.request_id,
            attempt: Some(attempt),
            ..Fields::default()
        };
        if is_heard {
            tell(self.session, Level::DEBUG, "attempt", &fields);
        }
        let result = self.exchange(began, used).await;
        let ended = monotonic_clock::now();
        let (status, code) = match &result {
            Ok(response) => (Some(response.status()), None),
            Err(error) => (
                error.problem.as_ref().map(|problem| problem.status),
                Some(self.session.scrubbed(&error.code)),
            ),
        };
        let mut timeline = self.timeline.borrow_mut();
        timeline.end(ended.saturating_sub(self.started), status, code.as_deref());
        if is_heard {
            let message = status.map_or("no answer", |_| "answer");
            let fields = Fields {
                status,
                code: code.as_deref(),
                duration: Some(ended.saturating_sub(began)),
                ..fields
            };
            tell(self.session, Level::DEBUG, message, &fields);
        }
        result
    }

    async fn exchange(&self, began: u64, used: Option<&Used>) -> Result<IncomingResponse, Error> {
        let config = &self.session.config;
        let limits = Limits::new(&config.timeouts, config.timeouts.overall);
        let value = used.and_then(Used::value);
        let sent = exchange::send(&config.origin, &limits, self.prepared, value, self.content);
        let response = sent.await?;
        if response.status() == 401 {
            self.challenged
                .set(answer::challenges_for_macaroon(&response));
        }
        answer::accept(self.session, response, began).await
    }
}

/// Whether the server has refused the credential.
pub fn is_unauthorized(error: &Error) -> bool {
    let problem = error.problem.as_ref();
    problem.is_some_and(|problem| problem.status == 401)
}

/// What an attempt costs that has not begun. Dropping it, as the end of the call does, gives it back.
struct Reserved<'a> {
    budget: &'a RefCell<Budget>,
    cost: u32,
}

impl Reserved<'_> {
    fn spend(mut self) {
        self.cost = 0;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.borrow_mut().give(self.cost);
    }
}
