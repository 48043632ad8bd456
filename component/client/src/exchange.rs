//! One HTTP exchange over `wasi:http`.

use std::time::Duration;

use ron_core::config::Timeouts;
use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::origin::Origin;
use ron_core::request::Prepared;

use crate::content::Content;
use crate::runtime::{ready, within};
use crate::wit::wasi::http::outgoing_handler;
use crate::wit::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use crate::wit::wasi::io::streams::{InputStream, OutputStream, StreamError};

/// Sends a request and waits for the head of its answer.
pub async fn send(
    origin: &Origin,
    timeouts: &Timeouts,
    prepared: &Prepared,
    content: Option<&Content>,
) -> Result<IncomingResponse, Error> {
    let request = request(origin, prepared)?;
    let body = match content {
        None => None,
        Some(content) => Some((request.body().map_err(|()| broken("body"))?, content)),
    };
    let future = outgoing_handler::handle(request, Some(options(timeouts)))
        .map_err(|code| error(&code, origin))?;
    if let Some((body, content)) = body {
        let stream = body.write().map_err(|()| broken("write"))?;
        let written = write(&stream, content, timeouts).await;
        drop(stream);
        let finished = OutgoingBody::finish(body, None);
        match written {
            Ok(()) => finished.map_err(|code| error(&code, origin))?,
            Err(Unwritten::Stuck) => return Err(error(&ErrorCode::ConnectionWriteTimeout, origin)),
            // A host that takes no more bytes has an answer already, or a failure that says why.
            Err(Unwritten::Refused) => {}
        }
    }
    match ready(|| future.get(), || future.subscribe()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(code)) => Err(error(&code, origin)),
        Err(()) => Err(broken("response")),
    }
}

fn request(origin: &Origin, prepared: &Prepared) -> Result<OutgoingRequest, Error> {
    let headers = Fields::from_list(&prepared.headers)
        .map_err(|_| Error::request("invalid_header", "the host refuses a header"))?;
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

/// A host that can't do a time-out says so; the overall deadline still holds. A time-out as long as
/// the overall one is not set, since which of the two ended first would be chance.
fn options(timeouts: &Timeouts) -> RequestOptions {
    let nanoseconds = |time| u64::try_from(shorter(time, timeouts)?.as_nanos()).ok();
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(nanoseconds(timeouts.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(timeouts.read));
    let _ = options.set_between_bytes_timeout(nanoseconds(timeouts.read));
    options
}

fn shorter(time: Duration, timeouts: &Timeouts) -> Option<Duration> {
    Some(time).filter(|time| *time < timeouts.overall)
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
    timeouts: &Timeouts,
) -> Result<(), Unwritten> {
    let limit = shorter(timeouts.write, timeouts);
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

/// Reads a body until its end, a failure or `max` bytes, whichever comes first.
pub async fn read_up_to(response: IncomingResponse, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(body) = response.consume() else {
        return bytes;
    };
    let Ok(stream) = body.stream() else {
        return bytes;
    };
    while (bytes.len() as u64) < max {
        let left = max - bytes.len() as u64;
        let chunk = ready(
            || match stream.read(left) {
                Ok(chunk) if chunk.is_empty() => None,
                other => Some(other),
            },
            || stream.subscribe(),
        );
        match chunk.await {
            Ok(mut chunk) => bytes.append(&mut chunk),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
        }
    }
    bytes
}

/// The body of a response as a stream; none if it was taken.
pub fn body(response: &IncomingResponse) -> Option<(IncomingBody, InputStream)> {
    let body = response.consume().ok()?;
    let stream = body.stream().ok()?;
    Some((body, stream))
}

fn broken(operation: &str) -> Error {
    Error::new(
        ErrorKind::Network,
        "host_error",
        format!("the HTTP host failed at {operation}"),
    )
}

/// What an error code of `wasi:http` means for the caller.
pub fn error(code: &ErrorCode, origin: &Origin) -> Error {
    let host = &origin.authority;
    let of = |kind, name: &str, message: String| Error::new(kind, name, message);
    match code {
        ErrorCode::DnsTimeout => of(
            ErrorKind::Dns,
            "dns_timeout",
            format!("the name of {host} was not resolved in time; check the resolver"),
        ),
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => of(
            ErrorKind::Dns,
            "dns_error",
            format!("the name of {host} does not resolve; check base_url"),
        ),
        ErrorCode::ConnectionRefused => of(
            ErrorKind::Connect,
            "connection_refused",
            format!(
                "{host} refused the connection; check that the gateway runs and base_url names its port"
            ),
        ),
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => of(
            ErrorKind::Connect,
            "destination_unavailable",
            format!("{host} can't be reached; check base_url and the network"),
        ),
        ErrorCode::ConnectionTimeout => Error::timeout(
            Phase::Connect,
            format!("no connection to {host} within the connect time-out"),
        ),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => Error::timeout(
            Phase::Read,
            format!("{host} sent nothing for the length of the read time-out"),
        ),
        ErrorCode::ConnectionWriteTimeout => Error::timeout(
            Phase::Write,
            format!("{host} took no bytes for the length of the write time-out"),
        ),
        ErrorCode::TlsCertificateError => of(
            ErrorKind::Tls,
            "tls_certificate_error",
            format!("the certificate of {host} is not trusted; check its authority and its name"),
        ),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => of(
            ErrorKind::Tls,
            "tls_protocol_error",
            format!("TLS with {host} failed; check that it speaks https"),
        ),
        ErrorCode::ConnectionTerminated => of(
            ErrorKind::Network,
            "connection_terminated",
            format!("{host} closed the connection before it answered"),
        ),
        ErrorCode::HttpResponseIncomplete => of(
            ErrorKind::Network,
            "response_incomplete",
            format!("{host} closed the connection in the middle of its answer"),
        ),
        ErrorCode::HttpResponseBodySize(_) => of(
            ErrorKind::TooLarge,
            "response_too_large",
            "the response is larger than max_response_bytes; raise that limit or ask for less"
                .to_owned(),
        ),
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => of(
            ErrorKind::TooLarge,
            "response_headers_too_large",
            format!("the headers of {host}'s answer are larger than the limit"),
        ),
        ErrorCode::HttpRequestBodySize(_) => of(
            ErrorKind::Request,
            "request_body_size",
            "the request body does not have the length that was announced".to_owned(),
        ),
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_) => of(
            ErrorKind::Network,
            "http_protocol_error",
            format!(
                "{host} answered with something that is not HTTP; check that base_url names a gateway"
            ),
        ),
        ErrorCode::InternalError(Some(detail)) => of(
            ErrorKind::Network,
            "internal_error",
            format!("the exchange with {host} failed: {detail}"),
        ),
        other => of(
            ErrorKind::Network,
            "http_error",
            format!("the exchange with {host} failed: {}", name(other)),
        ),
    }
}

/// The name of an error code that has no sentence of its own.
fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::HttpRequestDenied => "HTTP-request-denied",
        ErrorCode::HttpRequestLengthRequired => "HTTP-request-length-required",
        ErrorCode::HttpRequestMethodInvalid => "HTTP-request-method-invalid",
        ErrorCode::HttpRequestUriInvalid => "HTTP-request-URI-invalid",
        ErrorCode::HttpRequestUriTooLong => "HTTP-request-URI-too-long",
        ErrorCode::HttpRequestHeaderSectionSize(_) => "HTTP-request-header-section-size",
        ErrorCode::HttpRequestHeaderSize(_) => "HTTP-request-header-size",
        ErrorCode::HttpRequestTrailerSectionSize(_) => "HTTP-request-trailer-section-size",
        ErrorCode::HttpRequestTrailerSize(_) => "HTTP-request-trailer-size",
        ErrorCode::HttpResponseTrailerSectionSize(_) => "HTTP-response-trailer-section-size",
        ErrorCode::HttpResponseTrailerSize(_) => "HTTP-response-trailer-size",
        ErrorCode::HttpUpgradeFailed => "HTTP-upgrade-failed",
        ErrorCode::LoopDetected => "loop-detected",
        ErrorCode::ConfigurationError => "configuration-error",
        _ => "internal-error",
    }
}
