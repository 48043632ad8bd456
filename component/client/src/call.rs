//! One logical call, from the caller's request to an answer or an error.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ron_core::error::{Error, Phase};
use ron_core::message::seconds;
use ron_core::request;
use ron_core::retry::Stopped;
use ron_core::timeline::Timeline;
use tracing::Level;

use crate::attempts::Attempts;
use crate::content::Content;
use crate::interrupt::{Interruption, closed, interruptible};
use crate::runtime;
use crate::session::Session;
use crate::tell::{Fields, is_heard, tell};
use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::http::types::IncomingResponse;

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
    let prepared = session.prepare(&call);
    let (prepared, _head) = match prepared {
        Ok(prepared) => prepared,
        Err(mut error) => {
            session.scrub(&mut error);
            return Err(Failure {
                error,
                request_id: None,
                timeline: Timeline::default(),
            });
        }
    };
    drop(call);
    let timeline = RefCell::default();
    let attempts = Attempts {
        session: &session,
        prepared: &prepared,
        content: content.as_ref(),
        started,
        deadline: started.saturating_add(runtime::nanoseconds(prepared.timeout)),
        timeline: &timeline,
        challenged: Cell::new(false),
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
            session.scrub(&mut error);
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
    let work = attempts.run();
    let (error, stopped) =
        match interruptible(attempts.session, Some(attempts.deadline), work).await {
            Ok(result) => return result,
            Err(Interruption::Closed) => (closed(), Stopped::Closed),
            Err(Interruption::Deadline) => {
                let timeout = seconds(attempts.prepared.timeout);
                let message = format!("the call took longer than its time-out of {timeout}");
                (Error::timeout(Phase::Overall, message), Stopped::Deadline)
            }
        };
    let now = monotonic_clock::now().saturating_sub(attempts.started);
    let mut timeline = attempts.timeline.borrow_mut();
    timeline.interrupt(now, &error.code, stopped);
    Err(error)
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
