//! One HTTP exchange over `wasi:http`.

use std::time::Duration;

use ron_core::config::Timeouts;
use ron_core::error::Error;
use ron_core::origin::Origin;
use ron_core::request::Prepared;

use crate::content::Content;
use crate::failure;
use crate::outlet::Outlet;
use crate::runtime::{ready, within};
use crate::wit::wasi::http::outgoing_handler;
use crate::wit::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use crate::wit::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// How long the parts of an exchange may take. One that may take as long as the whole is not bounded,
/// since which of the two ended first would be chance.
pub struct Limits {
    connect: Option<Duration>,
    first_byte: Option<Duration>,
    between_bytes: Option<Duration>,
    write: Option<Duration>,
}

impl Limits {
    /// For an exchange that may take `whole`.
    pub fn new(timeouts: &Timeouts, whole: Duration) -> Self {
        let shorter = |time| Some(time).filter(|time| *time < whole);
        Self {
            connect: shorter(timeouts.connect),
            first_byte: shorter(timeouts.read),
            between_bytes: shorter(timeouts.read),
            write: shorter(timeouts.write),
        }
    }

    /// The same, with a body that may be silent for so long, if not for ever.
    pub fn with_silence(self, between_bytes: Option<Duration>) -> Self {
        Self {
            between_bytes,
            ..self
        }
    }
}

/// Sends a request, with this value of `Authorization`, and waits for the head of its answer.
pub async fn send(
    origin: &Origin,
    limits: &Limits,
    prepared: &Prepared,
    authorization: Option<&str>,
    content: Option<&Content>,
) -> Result<IncomingResponse, Error> {
    let request = request(origin, prepared, authorization)?;
    let body = match content {
        None => None,
        Some(content) => Some((
            request.body().map_err(|()| failure::broken("body"))?,
            content,
        )),
    };
    let future = outgoing_handler::handle(request, Some(options(limits)))
        .map_err(|code| failure::error(&code, origin))?;
    if let Some((body, content)) = body {
        let stream = body.write().map_err(|()| failure::broken("write"))?;
        let written = write(&stream, content, limits.write).await;
        drop(stream);
        let finished = OutgoingBody::finish(body, None);
        match written {
            Ok(()) => finished.map_err(|code| failure::error(&code, origin))?,
            Err(Unwritten::Stuck) => {
                return Err(failure::error(&ErrorCode::ConnectionWriteTimeout, origin));
            }
            // A host that takes no more bytes has an answer already, or a failure that says why.
            Err(Unwritten::Refused) => {}
        }
    }
    match ready(|| future.get(), || future.subscribe()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(code)) => Err(failure::error(&code, origin)),
        Err(()) => Err(failure::broken("response")),
    }
}

fn request(
    origin: &Origin,
    prepared: &Prepared,
    authorization: Option<&str>,
) -> Result<OutgoingRequest, Error> {
    let refused = |_| Error::request("invalid_header", "the host refuses a header");
    let headers = Fields::from_list(&prepared.headers).map_err(refused)?;
    if let Some(value) = authorization {
        let appended = headers.append("authorization", value.as_bytes());
        appended.map_err(refused)?;
    }
    let request = OutgoingRequest::new(headers);
    let scheme = if origin.secure {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_method(&method(&prepared.method))
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(&origin.authority)))
        .and_then(|()| request.set_path_with_query(Some(&prepared.target)))
        .map_err(|()| {
            Error::request("invalid_request", "the host refuses the method or the path")
        })?;
    Ok(request)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// A host that can't do a time-out says so; the overall deadline still holds.
fn options(limits: &Limits) -> RequestOptions {
    let nanoseconds = |time: Option<Duration>| u64::try_from(time?.as_nanos()).ok();
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.first_byte));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.between_bytes));
    options
}

/// Why a content was not written to its end.
enum Unwritten {
    /// The host takes no more.
    Refused,
    /// The host took nothing for the length of the write time-out.
    Stuck,
}

impl From<StreamError> for Unwritten {
    fn from(_: StreamError) -> Self {
        Self::Refused
    }
}

async fn write(
    stream: &OutputStream,
    content: &Content,
    limit: Option<Duration>,
) -> Result<(), Unwritten> {
    match content {
        Content::Bytes(bytes) => {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let permit = permit(stream, limit).await?;
                let now = rest
                    .len()
                    .min(usize::try_from(permit).unwrap_or(usize::MAX));
                stream.write(&rest[..now])?;
                rest = &rest[now..];
            }
        }
        Content::Streamed(content) => {
            let (source, length) = (&content.stream, content.length);
            while content.at.get() > 0 {
                // What an earlier attempt left unread.
                let skipped = ready(
                    || some_bytes(source.skip(length - content.at.get())),
                    || source.subscribe(),
                );
                content.advance(skipped.await?);
            }
            let mut left = length;
            while left > 0 {
                permit(stream, limit).await?;
                // How long the caller's own stream takes is the caller's business.
                let spliced = ready(
                    || some_bytes(stream.splice(source, left)),
                    || source.subscribe(),
                );
                let spliced = spliced.await?;
                content.advance(spliced);
                left = left.saturating_sub(spliced);
            }
        }
    }
    Ok(())
}

fn some_bytes(moved: Result<u64, StreamError>) -> Option<Result<u64, StreamError>> {
    match moved {
        Ok(0) => None,
        other => Some(other),
    }
}

async fn permit(stream: &OutputStream, limit: Option<Duration>) -> Result<u64, Unwritten> {
    let permit = ready(|| some_bytes(stream.check_write()), || stream.subscribe());
    match limit {
        None => Ok(permit.await?),
        Some(limit) => Ok(within(limit, permit).await.ok_or(Unwritten::Stuck)??),
    }
}

/// Up to `max` of the bytes that a body has, or its end; none if it has none yet. Those of a
/// subscription may have been handed to its outlet instead.
pub fn read(
    stream: &InputStream,
    max: u64,
    outlet: Option<&Outlet>,
) -> Option<Result<Vec<u8>, StreamError>> {
    let supplied = outlet.map(Outlet::take_supplied).unwrap_or_default();
    if !supplied.is_empty() {
        return Some(Ok(supplied));
    }
    match stream.read(max) {
        Ok(chunk) if chunk.is_empty() => None,
        other => Some(other),
    }
}

/// The body of a response as a stream; none if it was taken.
pub fn body(response: &IncomingResponse) -> Option<(IncomingBody, InputStream)> {
    let body = response.consume().ok()?;
    let stream = body.stream().ok()?;
    Some((body, stream))
}
