//! What the head of an answer means, and reading the answers that say what went wrong.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use ron_core::credential;
use ron_core::defaults::{MAX_ERROR_BYTES, SMALL_ERROR_BYTES};
use ron_core::error::Error;
use ron_core::problem::Problem;
use ron_core::retry;

use crate::limiter::{Limiter, Place};
use crate::outlet::Outlet;
use crate::runtime::ready;
use crate::session::Session;
use crate::wit::wasi::clocks::wall_clock;
use crate::wit::wasi::http::types::{ErrorCode, IncomingResponse};
use crate::wit::wasi::io::streams::StreamError;
use crate::wit::wasi::random::random;
use crate::{exchange, failure};

/// Passes on an answer whose status is below 300, and reads any other to the problem that it tells.
/// The pace of the session's exchanges learns from both. `began` is when the request was sent.
///
/// # Errors
///
/// Kind `problem`, and `network` for an interim answer, which can't be the last one.
pub async fn accept(
    session: &Session,
    response: IncomingResponse,
    began: u64,
) -> Result<IncomingResponse, Error> {
    let limiter = &session.root.limiter;
    let status = response.status();
    if status < 200 {
        return Err(failure::error(
            &ErrorCode::HttpProtocolError,
            &session.config.origin,
        ));
    }
    if status < 500 && status != 429 {
        limiter.speed_up(began);
    }
    if status < 300 {
        return Ok(response);
    }
    Err(refusal(session, response, began, None).await)
}

/// Whether a credential was refused by a server that asks for the scheme of macaroons.
pub fn challenges_for_macaroon(response: &IncomingResponse) -> bool {
    let values = response.headers().get("www-authenticate");
    values
        .iter()
        .any(|value| credential::challenges_for_macaroon(value))
}

/// The problem that an answer tells whose status is 300 or more. Its bytes may come by way of `outlet`.
pub async fn refusal(
    session: &Session,
    response: IncomingResponse,
    began: u64,
    outlet: Option<&Outlet>,
) -> Error {
    let status = response.status();
    let headers = response.headers().entries();
    // A redirect's body says nothing that its status and Location don't.
    let (body, _place) = if status < 400 {
        (Vec::new(), None)
    } else {
        read_error(response, &session.root.large_errors, outlet).await
    };
    let now = wall_clock::now();
    let now = UNIX_EPOCH + Duration::new(now.seconds, now.nanoseconds);
    let problem = Problem::from_response(status, &headers, &body, now);
    let throttling = retry::is_throttling(&problem);
    let error = Error::from(problem);
    if throttling {
        let asked = retry::retry_after(&error);
        let limiter = &session.root.limiter;
        limiter.slow_down(began, asked, random::get_random_u64());
    }
    error
}

/// Reads a body until its end, a failure or `max` bytes, whichever comes first. The result keeps
/// the place that a large one needs among `large`.
async fn read_error(
    response: IncomingResponse,
    large: &Rc<Limiter>,
    outlet: Option<&Outlet>,
) -> (Vec<u8>, Option<Place>) {
    let (mut bytes, mut place) = (Vec::new(), None);
    let Ok(body) = response.consume() else {
        return (bytes, place);
    };
    let Ok(stream) = body.stream() else {
        return (bytes, place);
    };
    loop {
        let read = bytes.len() as u64;
        if read == MAX_ERROR_BYTES {
            break;
        }
        let left = if read < SMALL_ERROR_BYTES {
            SMALL_ERROR_BYTES - read
        } else {
            if place.is_none() {
                place = large.place(0, u64::MAX).await.ok();
            }
            MAX_ERROR_BYTES - read
        };
        let chunk = ready(
            || exchange::read(&stream, left, outlet),
            || stream.subscribe(),
        );
        match chunk.await {
            Ok(mut chunk) => bytes.append(&mut chunk),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
        }
    }
    (bytes, place)
}
