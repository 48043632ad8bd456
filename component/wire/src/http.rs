//! `wasi:http`: outgoing requests over exchanges. The incoming side exists because it is part of
//! the interface; nothing here can make such a resource.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::Wire;
use crate::commands::Send;
use crate::exchange::{Exchange, Failure, Head};
use crate::fields::Fields;
use crate::io::{Content, InputStream, IoError, OutputStream, Pollable};
use crate::wit::exports::wasi::http::outgoing_handler;
use crate::wit::exports::wasi::http::types::{
    self, DnsErrorPayload, ErrorCode, FieldSizePayload, Method, Scheme, TlsAlertReceivedPayload,
};
use crate::wit::exports::wasi::io::{poll, streams};

impl types::Guest for Wire {
    type Fields = Fields;
    type OutgoingRequest = OutgoingRequest;
    type OutgoingBody = OutgoingBody;
    type RequestOptions = RequestOptions;
    type FutureIncomingResponse = FutureIncomingResponse;
    type IncomingResponse = IncomingResponse;
    type IncomingBody = IncomingBody;
    type FutureTrailers = FutureTrailers;
    type IncomingRequest = Unreachable;
    type ResponseOutparam = Unreachable;
    type OutgoingResponse = Unreachable;

    fn http_error_code(err: types::IoErrorBorrow<'_>) -> Option<ErrorCode> {
        Some(error_code(&err.get::<IoError>().0))
    }
}

/// A request in the making.
pub struct OutgoingRequest {
    headers: Rc<Vec<(String, Vec<u8>)>>,
    method: RefCell<Method>,
    scheme: RefCell<Option<Scheme>>,
    authority: RefCell<Option<String>>,
    path_with_query: RefCell<Option<String>>,
    body: RefCell<Option<Rc<Pending>>>,
}

/// A request that is sent when both it has been handled and its body is finished.
#[derive(Default)]
struct Pending {
    content: Rc<Content>,
    finished: Cell<bool>,
    handled: RefCell<Option<(Rc<Exchange>, Send)>>,
}

impl types::GuestOutgoingRequest for OutgoingRequest {
    fn new(headers: types::Headers) -> Self {
        Self {
            headers: Rc::new(headers.into_inner::<Fields>().into_vec()),
            method: RefCell::new(Method::Get),
            scheme: RefCell::default(),
            authority: RefCell::default(),
            path_with_query: RefCell::default(),
            body: RefCell::default(),
        }
    }

    fn body(&self) -> Result<types::OutgoingBody, ()> {
        let mut body = self.body.borrow_mut();
        if body.is_some() {
            return Err(());
        }
        let pending = Rc::<Pending>::default();
        *body = Some(pending.clone());
        Ok(types::OutgoingBody::new(OutgoingBody {
            pending,
            stream_taken: Cell::new(false),
        }))
    }

    fn method(&self) -> Method {
        self.method.borrow().clone()
    }

    fn set_method(&self, method: Method) -> Result<(), ()> {
        if matches!(&method, Method::Other(name) if !is_plain(name)) {
            return Err(());
        }
        self.method.replace(method);
        Ok(())
    }

    fn path_with_query(&self) -> Option<String> {
        self.path_with_query.borrow().clone()
    }

    fn set_path_with_query(&self, path_with_query: Option<String>) -> Result<(), ()> {
        if path_with_query
            .as_deref()
            .is_some_and(|path| !is_plain(path))
        {
            return Err(());
        }
        self.path_with_query.replace(path_with_query);
        Ok(())
    }

    fn scheme(&self) -> Option<Scheme> {
        self.scheme.borrow().clone()
    }

    fn set_scheme(&self, scheme: Option<Scheme>) -> Result<(), ()> {
        if matches!(&scheme, Some(Scheme::Other(name)) if !is_plain(name)) {
            return Err(());
        }
        self.scheme.replace(scheme);
        Ok(())
    }

    fn authority(&self) -> Option<String> {
        self.authority.borrow().clone()
    }

    fn set_authority(&self, authority: Option<String>) -> Result<(), ()> {
        if authority
            .as_deref()
            .is_some_and(|authority| !is_plain(authority))
        {
            return Err(());
        }
        self.authority.replace(authority);
        Ok(())
    }

    fn headers(&self) -> types::Headers {
        types::Headers::new(Fields::immutable(self.headers.as_ref().clone()))
    }
}

/// Printable ASCII without a space, as all parts of a request line are.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

impl outgoing_handler::Guest for Wire {
    fn handle(
        request: types::OutgoingRequest,
        options: Option<types::RequestOptions>,
    ) -> Result<types::FutureIncomingResponse, ErrorCode> {
        let request = request.into_inner::<OutgoingRequest>();
        let options = options.map(types::RequestOptions::into_inner::<RequestOptions>);
        let scheme = match request.scheme.take() {
            Some(Scheme::Http) => "http",
            Some(Scheme::Https) | None => "https",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let authority = request
            .authority
            .take()
            .ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let path = request
            .path_with_query
            .take()
            .unwrap_or_else(|| "/".to_owned());
        let send = Send {
            method: method_name(&request.method.borrow()).to_owned(),
            url: [scheme, "://", &authority, &path].concat(),
            connect_timeout: options.as_ref().and_then(|options| options.connect.get()),
            first_byte_timeout: options
                .as_ref()
                .and_then(|options| options.first_byte.get()),
            between_bytes_timeout: options
                .as_ref()
                .and_then(|options| options.between_bytes.get()),
            headers: request.headers.clone(),
            body: None,
        };
        let exchange = Exchange::new();
        match request.body.take() {
            None => dispatch(&exchange, send, None)?,
            Some(pending) if pending.finished.get() => {
                dispatch(&exchange, send, Some(&pending.content))?;
            }
            Some(pending) => *pending.handled.borrow_mut() = Some((exchange.clone(), send)),
        }
        Ok(types::FutureIncomingResponse::new(FutureIncomingResponse(
            exchange,
        )))
    }
}

/// Sends a request whose body is complete. The host makes `Content-Length` from the segments, so a
/// component that gave one must have told the truth.
fn dispatch(
    exchange: &Exchange,
    mut send: Send,
    content: Option<&Content>,
) -> Result<(), ErrorCode> {
    let length = content.map_or(0, Content::len);
    let truthful = send
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .all(|(_, value)| *value == length.to_string().into_bytes());
    if !truthful {
        return Err(ErrorCode::HttpRequestBodySize(Some(length)));
    }
    send.body = content.map(|content| content.segments.take());
    exchange.send(&send);
    Ok(())
}

/// The body of a request in the making.
pub struct OutgoingBody {
    pending: Rc<Pending>,
    stream_taken: Cell<bool>,
}

impl types::GuestOutgoingBody for OutgoingBody {
    fn write(&self) -> Result<streams::OutputStream, ()> {
        if self.stream_taken.replace(true) {
            return Err(());
        }
        Ok(streams::OutputStream::new(OutputStream(
            self.pending.content.clone(),
        )))
    }

    fn finish(
        this: types::OutgoingBody,
        trailers: Option<types::Trailers>,
    ) -> Result<(), ErrorCode> {
        let body = this.into_inner::<Self>();
        let pending = body.pending.clone();
        pending.finished.set(true);
        pending.content.closed.set(true);
        if trailers.is_some() {
            return Err(ErrorCode::InternalError(Some(
                "trailers of requests are not supported".to_owned(),
            )));
        }
        match pending.handled.take() {
            Some((exchange, send)) => dispatch(&exchange, send, Some(&pending.content)),
            None => Ok(()),
        }
    }
}

impl Drop for OutgoingBody {
    fn drop(&mut self) {
        self.pending.content.closed.set(true);
        if self.pending.finished.get() {
            return;
        }
        // Dropped without `finish`: the body is incomplete, so the request is never sent.
        if let Some((exchange, _)) = self.pending.handled.take() {
            exchange.on_failure(Failure {
                code: "internal-error".to_owned(),
                detail: "the request body was dropped before it was finished".to_owned(),
            });
        }
    }
}

/// Time-outs of a request.
#[derive(Default)]
pub struct RequestOptions {
    connect: Cell<Option<u64>>,
    first_byte: Cell<Option<u64>>,
    between_bytes: Cell<Option<u64>>,
}

impl types::GuestRequestOptions for RequestOptions {
    fn new() -> Self {
        Self::default()
    }

    fn connect_timeout(&self) -> Option<u64> {
        self.connect.get()
    }

    fn set_connect_timeout(&self, duration: Option<u64>) -> Result<(), ()> {
        self.connect.set(duration);
        Ok(())
    }

    fn first_byte_timeout(&self) -> Option<u64> {
        self.first_byte.get()
    }

    fn set_first_byte_timeout(&self, duration: Option<u64>) -> Result<(), ()> {
        self.first_byte.set(duration);
        Ok(())
    }

    fn between_bytes_timeout(&self) -> Option<u64> {
        self.between_bytes.get()
    }

    fn set_between_bytes_timeout(&self, duration: Option<u64>) -> Result<(), ()> {
        self.between_bytes.set(duration);
        Ok(())
    }
}

/// An answer to come.
pub struct FutureIncomingResponse(Rc<Exchange>);

impl types::GuestFutureIncomingResponse for FutureIncomingResponse {
    fn subscribe(&self) -> poll::Pollable {
        poll::Pollable::new(Pollable::Head(self.0.clone()))
    }

    fn get(&self) -> Option<Result<Result<types::IncomingResponse, ErrorCode>, ()>> {
        Some(self.0.take_head()?.map(|answer| match answer {
            Ok(head) => Ok(types::IncomingResponse::new(IncomingResponse {
                head,
                exchange: RefCell::new(Some(self.0.clone())),
            })),
            Err(failure) => Err(error_code(&failure)),
        }))
    }
}

/// An answer.
pub struct IncomingResponse {
    head: Head,
    exchange: RefCell<Option<Rc<Exchange>>>,
}

impl types::GuestIncomingResponse for IncomingResponse {
    fn status(&self) -> u16 {
        self.head.status
    }

    fn headers(&self) -> types::Headers {
        types::Headers::new(Fields::immutable(self.head.headers.entries()))
    }

    fn consume(&self) -> Result<types::IncomingBody, ()> {
        let exchange = self.exchange.take().ok_or(())?;
        Ok(types::IncomingBody::new(IncomingBody(RefCell::new(Some(
            exchange,
        )))))
    }
}

/// The body of an answer.
pub struct IncomingBody(RefCell<Option<Rc<Exchange>>>);

impl types::GuestIncomingBody for IncomingBody {
    fn stream(&self) -> Result<streams::InputStream, ()> {
        let exchange = self.0.take().ok_or(())?;
        Ok(streams::InputStream::new(InputStream::Answer(exchange)))
    }

    fn finish(_this: types::IncomingBody) -> types::FutureTrailers {
        types::FutureTrailers::new(FutureTrailers(Cell::new(false)))
    }
}

/// Trailers, which hosts do not report: there are none.
pub struct FutureTrailers(Cell<bool>);

impl types::GuestFutureTrailers for FutureTrailers {
    fn subscribe(&self) -> poll::Pollable {
        poll::Pollable::new(Pollable::Ready)
    }

    fn get(&self) -> Option<Result<Result<Option<types::Trailers>, ErrorCode>, ()>> {
        Some(if self.0.replace(true) {
            Err(())
        } else {
            Ok(Ok(None))
        })
    }
}

/// The case of `error-code` with the failure's name. A name that this version doesn't know is an
/// internal error that says so.
fn error_code(failure: &Failure) -> ErrorCode {
    let text = Some(failure.detail.clone()).filter(|detail| !detail.is_empty());
    let size = failure.detail.parse().ok();
    let size32 = failure.detail.parse().ok();
    let field = FieldSizePayload {
        field_name: text.clone(),
        field_size: None,
    };
    match failure.code.as_str() {
        "DNS-timeout" => ErrorCode::DnsTimeout,
        "DNS-error" => ErrorCode::DnsError(DnsErrorPayload {
            rcode: text,
            info_code: None,
        }),
        "destination-not-found" => ErrorCode::DestinationNotFound,
        "destination-unavailable" => ErrorCode::DestinationUnavailable,
        "destination-IP-prohibited" => ErrorCode::DestinationIpProhibited,
        "destination-IP-unroutable" => ErrorCode::DestinationIpUnroutable,
        "connection-refused" => ErrorCode::ConnectionRefused,
        "connection-terminated" => ErrorCode::ConnectionTerminated,
        "connection-timeout" => ErrorCode::ConnectionTimeout,
        "connection-read-timeout" => ErrorCode::ConnectionReadTimeout,
        "connection-write-timeout" => ErrorCode::ConnectionWriteTimeout,
        "connection-limit-reached" => ErrorCode::ConnectionLimitReached,
        "TLS-protocol-error" => ErrorCode::TlsProtocolError,
        "TLS-certificate-error" => ErrorCode::TlsCertificateError,
        "TLS-alert-received" => ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
            alert_id: None,
            alert_message: text,
        }),
        "HTTP-request-denied" => ErrorCode::HttpRequestDenied,
        "HTTP-request-length-required" => ErrorCode::HttpRequestLengthRequired,
        "HTTP-request-body-size" => ErrorCode::HttpRequestBodySize(size),
        "HTTP-request-method-invalid" => ErrorCode::HttpRequestMethodInvalid,
        "HTTP-request-URI-invalid" => ErrorCode::HttpRequestUriInvalid,
        "HTTP-request-URI-too-long" => ErrorCode::HttpRequestUriTooLong,
        "HTTP-request-header-section-size" => ErrorCode::HttpRequestHeaderSectionSize(size32),
        "HTTP-request-header-size" => ErrorCode::HttpRequestHeaderSize(Some(field)),
        "HTTP-request-trailer-section-size" => ErrorCode::HttpRequestTrailerSectionSize(size32),
        "HTTP-request-trailer-size" => ErrorCode::HttpRequestTrailerSize(field),
        "HTTP-response-incomplete" => ErrorCode::HttpResponseIncomplete,
        "HTTP-response-header-section-size" => ErrorCode::HttpResponseHeaderSectionSize(size32),
        "HTTP-response-header-size" => ErrorCode::HttpResponseHeaderSize(field),
        "HTTP-response-body-size" => ErrorCode::HttpResponseBodySize(size),
        "HTTP-response-trailer-section-size" => ErrorCode::HttpResponseTrailerSectionSize(size32),
        "HTTP-response-trailer-size" => ErrorCode::HttpResponseTrailerSize(field),
        "HTTP-response-transfer-coding" => ErrorCode::HttpResponseTransferCoding(text),
        "HTTP-response-content-coding" => ErrorCode::HttpResponseContentCoding(text),
        "HTTP-response-timeout" => ErrorCode::HttpResponseTimeout,
        "HTTP-upgrade-failed" => ErrorCode::HttpUpgradeFailed,
        "HTTP-protocol-error" => ErrorCode::HttpProtocolError,
        "loop-detected" => ErrorCode::LoopDetected,
        "configuration-error" => ErrorCode::ConfigurationError,
        "internal-error" => ErrorCode::InternalError(text),
        unknown => ErrorCode::InternalError(Some([unknown, " ", &failure.detail].concat())),
    }
}

/// A resource of the server's side of `wasi:http/types`: uninhabited, as nothing can make one.
pub enum Unreachable {}

impl types::GuestIncomingRequest for Unreachable {
    fn method(&self) -> Method {
        match *self {}
    }

    fn path_with_query(&self) -> Option<String> {
        match *self {}
    }

    fn scheme(&self) -> Option<Scheme> {
        match *self {}
    }

    fn authority(&self) -> Option<String> {
        match *self {}
    }

    fn headers(&self) -> types::Headers {
        match *self {}
    }

    fn consume(&self) -> Result<types::IncomingBody, ()> {
        match *self {}
    }
}

impl types::GuestResponseOutparam for Unreachable {
    fn set(param: types::ResponseOutparam, _response: Result<types::OutgoingResponse, ErrorCode>) {
        match *param.get::<Self>() {}
    }
}

impl types::GuestOutgoingResponse for Unreachable {
    fn new(_headers: types::Headers) -> Self {
        panic!("wasi:http: this host sends no responses")
    }

    fn status_code(&self) -> u16 {
        match *self {}
    }

    fn set_status_code(&self, _status_code: u16) -> Result<(), ()> {
        match *self {}
    }

    fn headers(&self) -> types::Headers {
        match *self {}
    }

    fn body(&self) -> Result<types::OutgoingBody, ()> {
        match *self {}
    }
}
