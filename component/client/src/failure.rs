//! What the failures of an exchange mean for the caller.

use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::origin::Origin;

use crate::wit::wasi::http::types::ErrorCode;

/// The host has not done what it must be able to do.
pub fn broken(operation: &str) -> Error {
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
        ErrorCode::TlsCertificateError => Error::certificate(format!(
            "the certificate of {host} is not trusted; check its authority and its name"
        )),
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
