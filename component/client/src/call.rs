//! One logical call, from the caller's request to an answer or an error.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::retry::Stopped;
use ron_core::timeline::Timeline;
use ron_core::{ids, request};
use tracing::Level;

use crate::attempts::Attempts;
use crate::content::Content;
use crate::runtime;
use crate::session::Session;
use crate::tell::{Fields, is_heard, tell};
use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::http::types::IncomingResponse;
use crate::wit::wasi::random::random;

/// A successful answer.
pub struct Answer {
    /// Its head, and the way to its body.
    pub response: IncomingResponse,
    /// The id of the call.
    pub request_id: String,
    /// The requests that were sent.
    pub timeline: Timeline,
}

/// A call that failed.
pub struct Failure {
    /// Why.
    pub error: Error,
    /// The id of the call, if it got that far.
    pub request_id: Option<String>,
    /// The requests that were sent.
    pub timeline: Timeline,
}

/// Performs a call.
pub async fn perform(
    session: Rc<Session>,
    call: request::Call,
    content: Option<Content>,
) -> Result<Answer, Failure> {
    let started = monotonic_clock::now();
    let prepared = request::prepare(
        &session.config,
        &call,
        || ids::request_id(randomness()),
        || ids::idempotency_key(randomness()),
    );
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(mut error) => {
            scrub(&session, &mut error);
            return Err(Failure {
                error,
                request_id: None,
                timeline: Timeline::default(),
            });
        }
    };
    let timeline = RefCell::default();
    let attempts = Attempts {
        session: &session,
        prepared: &prepared,
        content: content.as_ref(),
        started,
        deadline: started.saturating_add(nanoseconds(prepared.timeout)),
        timeline: &timeline,
    };
    let result = until_deadline(&attempts).await;
    tell_end(&attempts, &result);
    let timeline = timeline.take();
    match result {
        Ok(response) => Ok(Answer {
            response,
            request_id: prepared.request_id,
            timeline,
        }),
        Err(mut error) => {
            scrub(&session, &mut error);
            Err(Failure {
                error,
                request_id: Some(prepared.request_id),
                timeline,
            })
        }
    }
}

/// Makes the attempts, until the deadline passes or the session is closed.
async fn until_deadline(attempts: &Attempts<'_>) -> Result<IncomingResponse, Error> {
    let session = attempts.session;
    let interrupted = |error: Error, stopped| {
        let now = monotonic_clock::now().saturating_sub(attempts.started);
        let mut timeline = attempts.timeline.borrow_mut();
        timeline.interrupt(now, &error.code, stopped);
        Poll::Ready(Err(error))
    };
    let mut deadline = pin!(runtime::sleep_until(attempts.deadline));
    let mut work = pin!(attempts.run());
    let mut watch = None;
    poll_fn(move |context| {
        if session.is_closed() {
            let error = Error::new(
                ErrorKind::Closed,
                "closed",
                "the client was closed; open a new one",
            );
            return interrupted(error, Stopped::Closed);
        }
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if Pin::new(&mut *deadline).poll(context).is_ready() {
            let timeout = attempts.prepared.timeout;
            let error = Error::timeout(
                Phase::Overall,
                format!("the call took longer than its time-out of {timeout:?}"),
            );
            return interrupted(error, Stopped::Deadline);
        }
        if watch.is_none() {
            watch = Some(session.watch(context.waker()));
        }
        Poll::Pending
    })
    .await
}

/// Tells how a call ended.
fn tell_end(attempts: &Attempts<'_>, result: &Result<IncomingResponse, Error>) {
    if !is_heard(Level::WARN) {
        return;
    }
    let (level, message, status, code) = match result {
        Ok(response) => (Level::INFO, "call done", Some(response.status()), None),
        Err(error) => match &error.problem {
            Some(problem) => {
                let (status, code) = (problem.status, error.code.as_str());
                (Level::INFO, "call refused", Some(status), Some(code))
            }
            None => (Level::WARN, "call failed", None, Some(error.code.as_str())),
        },
    };
    let prepared = attempts.prepared;
    let fields = Fields {
        request_id: &prepared.request_id,
        method: Some(&prepared.method),
        path: Some(prepared.path()),
        status,
        code,
        duration: Some(monotonic_clock::now().saturating_sub(attempts.started)),
        ..Fields::default()
    };
    tell(attempts.session, level, message, &fields);
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn randomness() -> [u8; 16] {
    let (high, low) = (random::get_random_u64(), random::get_random_u64());
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

/// Takes the credential out of every text that the error carries.
fn scrub(session: &Session, error: &mut Error) {
    let redactor = &session.config.redactor;
    redactor.scrub(&mut error.message);
    redactor.scrub(&mut error.code);
    if let Some(problem) = &mut error.problem {
        problem.scrub(redactor);
    }
}
