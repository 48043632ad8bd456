//! One logical call, from the caller's request to an answer or an error.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, UNIX_EPOCH};

use ron_core::defaults::MAX_ERROR_BYTES;
use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::problem::Problem;
use ron_core::{ids, request};
use tracing::level_filters::LevelFilter;

use crate::exchange::{self, Content};
use crate::runtime;
use crate::session::Session;
use crate::wit::wasi::clocks::{monotonic_clock, wall_clock};
use crate::wit::wasi::http::types::{ErrorCode, IncomingResponse};
use crate::wit::wasi::random::random;

/// A successful answer.
pub struct Answer {
    /// Its head, and the way to its body.
    pub response: IncomingResponse,
    /// The id of the call.
    pub request_id: String,
    /// How many requests were sent.
    pub attempts: u32,
}

/// A call that failed.
pub struct Failure {
    /// Why.
    pub error: Error,
    /// The id of the call, if it got that far.
    pub request_id: Option<String>,
    /// How many requests were sent.
    pub attempts: u32,
}

/// How far a call has come, for the report when it ends early.
#[derive(Default)]
struct Progress {
    request_id: Option<String>,
    attempts: u32,
}

/// Performs a call.
pub async fn perform(
    session: Rc<Session>,
    call: request::Call,
    content: Option<Content>,
) -> Result<Answer, Failure> {
    let started = monotonic_clock::now();
    let progress = RefCell::new(Progress::default());
    let result = match request::prepare(
        &session.config,
        &call,
        || ids::request_id(randomness()),
        || ids::idempotency_key(randomness()),
    ) {
        Err(error) => Err(error),
        Ok(prepared) => {
            progress.borrow_mut().request_id = Some(prepared.request_id.clone());
            let timeout = prepared.timeout;
            let attempt = attempt(&session, &prepared, content.as_ref(), &progress);
            let result = until_deadline(&session, started, timeout, attempt).await;
            tell_end(&session, &prepared, started, &result);
            result
        }
    };
    let Progress {
        request_id,
        attempts,
    } = progress.into_inner();
    match result {
        Ok(response) => Ok(Answer {
            response,
            request_id: request_id.unwrap_or_default(),
            attempts,
        }),
        Err(mut error) => {
            scrub(&session, &mut error);
            Err(Failure {
                error,
                request_id,
                attempts,
            })
        }
    }
}

/// One exchange, in a place of its own.
async fn attempt(
    session: &Session,
    prepared: &request::Prepared,
    content: Option<&Content>,
    progress: &RefCell<Progress>,
) -> Result<IncomingResponse, Error> {
    let config = &session.config;
    let _place = session.root.limiter.place().await?;
    progress.borrow_mut().attempts += 1;
    let attempt = progress.borrow().attempts;
    // In the macros, so that it costs nothing while nobody listens.
    let request_id = || scrubbed(session, &prepared.request_id);
    let started = monotonic_clock::now();
    tracing::debug!(request_id = request_id().as_str(), attempt, "attempt");
    let response = exchange::send(&config.origin, &config.timeouts, prepared, content)
        .await
        .inspect_err(|error| {
            let (code, duration_us) = (error.code.as_str(), microseconds_since(started));
            tracing::debug!(
                request_id = request_id().as_str(),
                attempt,
                code,
                duration_us,
                "no answer"
            );
        })?;
    let status = response.status();
    let duration_us = microseconds_since(started);
    tracing::debug!(
        request_id = request_id().as_str(),
        attempt,
        status,
        duration_us,
        "answer"
    );
    if status < 200 {
        // An interim answer can't be the last one, and nothing asked for another protocol.
        return Err(exchange::error(
            &ErrorCode::HttpProtocolError,
            &config.origin,
        ));
    }
    if status < 300 {
        return Ok(response);
    }
    let headers = response.headers().entries();
    // A redirect's body says nothing that its status and Location don't.
    let body = if status < 400 {
        Vec::new()
    } else {
        exchange::read_up_to(response, MAX_ERROR_BYTES).await
    };
    let now = wall_clock::now();
    let now = UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds);
    Err(Problem::from_response(status, &headers, &body, now).into())
}

/// Runs `work` until it is done, the deadline has passed or the session was closed.
async fn until_deadline<T>(
    session: &Session,
    started: u64,
    timeout: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let mut deadline = pin!(runtime::sleep_until(started.saturating_add(nanoseconds)));
    let mut work = pin!(work);
    let mut watch = None;
    poll_fn(move |context| {
        if session.is_closed() {
            return Poll::Ready(Err(Error::new(
                ErrorKind::Closed,
                "closed",
                "the client was closed; open a new one",
            )));
        }
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if Pin::new(&mut *deadline).poll(context).is_ready() {
            return Poll::Ready(Err(Error::timeout(
                Phase::Overall,
                format!("the call took longer than its time-out of {timeout:?}"),
            )));
        }
        if watch.is_none() {
            watch = Some(session.watch(context.waker()));
        }
        Poll::Pending
    })
    .await
}

/// Tells how a call ended.
fn tell_end(
    session: &Session,
    prepared: &request::Prepared,
    started: u64,
    result: &Result<IncomingResponse, Error>,
) {
    if LevelFilter::current() < LevelFilter::WARN {
        return;
    }
    let method = prepared.method.as_str();
    let path = scrubbed(session, prepared.path());
    let request_id = scrubbed(session, &prepared.request_id);
    let (path, request_id) = (path.as_str(), request_id.as_str());
    let duration_us = microseconds_since(started);
    match result {
        Ok(response) => {
            let status = response.status();
            tracing::info!(method, path, status, request_id, duration_us, "call done");
        }
        Err(error) => {
            let code = scrubbed(session, &error.code);
            let code = code.as_str();
            match &error.problem {
                Some(problem) => {
                    let status = problem.status;
                    tracing::info!(
                        method,
                        path,
                        status,
                        code,
                        request_id,
                        duration_us,
                        "call refused"
                    );
                }
                None => {
                    tracing::warn!(method, path, code, request_id, duration_us, "call failed");
                }
            }
        }
    }
}

fn scrubbed(session: &Session, text: &str) -> String {
    let mut text = text.to_owned();
    session.config.redactor.scrub(&mut text);
    text
}

fn microseconds_since(started: u64) -> u64 {
    monotonic_clock::now().saturating_sub(started) / 1_000
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
