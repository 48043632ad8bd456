//! Requests: the outgoing side of `wasi:http/types`, and `wasi:http/outgoing-handler`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::commands::Send;
use crate::defaults::{MAX_HEADER_SECTION_BYTES, MAX_URL_BYTES};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::fields::{self, Field, Fields};
use crate::incoming::FutureIncomingResponse;
use crate::instance::Instance;
use crate::outgoing_body::OutgoingBody;
use crate::request_body::{RequestBody, wrong_size};
use crate::uri;
use crate::wit::exports::wasi::http::types::{Method, Scheme};

/// A part of a request that is malformed.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

/// A request in the making: `outgoing-request`.
pub struct OutgoingRequest {
    headers: Vec<Field>,
    has_well_formed_headers: bool,
    /// The method.
    pub method: RefCell<Method>,
    /// The scheme; none is https.
    pub scheme: RefCell<Option<Scheme>>,
    /// The authority.
    pub authority: RefCell<Option<String>>,
    /// Path and query; none is the empty path.
    pub path_with_query: RefCell<Option<String>>,
    body: RefCell<Option<Rc<RequestBody>>>,
}

impl OutgoingRequest {
    /// A GET of nothing in particular.
    pub fn new(headers: Fields) -> Self {
        Self {
            has_well_formed_headers: headers.is_well_formed(),
            headers: headers.into_entries(),
            method: RefCell::new(Method::Get),
            scheme: RefCell::default(),
            authority: RefCell::default(),
            path_with_query: RefCell::default(),
            body: RefCell::default(),
        }
    }

    /// The header section, which can't be changed any more.
    pub fn headers(&self) -> Fields {
        Fields::sent(self.headers.clone())
    }

    /// The body, once.
    pub fn body(&self) -> Option<OutgoingBody> {
        let mut body = self.body.borrow_mut();
        if body.is_some() {
            return None;
        }
        // A length that is no number is refused when the request is handled.
        let declared = declared_length(&self.headers).unwrap_or_default();
        let new = RequestBody::new(declared);
        *body = Some(new.clone());
        Some(OutgoingBody::new(new))
    }

    /// Sets the method.
    ///
    /// # Errors
    ///
    /// It is not a token.
    pub fn set_method(&self, method: Method) -> Result<(), Invalid> {
        let valid = match &method {
            Method::Other(name) => fields::is_token(name),
            _ => true,
        };
        set(&self.method, method, valid)
    }

    /// Sets the scheme.
    ///
    /// # Errors
    ///
    /// It is not a scheme of RFC 3986.
    pub fn set_scheme(&self, scheme: Option<Scheme>) -> Result<(), Invalid> {
        let valid = match &scheme {
            Some(Scheme::Other(name)) => uri::is_scheme(name),
            _ => true,
        };
        set(&self.scheme, scheme, valid)
    }

    /// Sets the authority.
    ///
    /// # Errors
    ///
    /// It is not an authority of RFC 3986, or names no host.
    pub fn set_authority(&self, authority: Option<String>) -> Result<(), Invalid> {
        let valid = authority.as_deref().is_none_or(uri::is_authority);
        set(&self.authority, authority, valid)
    }

    /// Sets path and query.
    ///
    /// # Errors
    ///
    /// They are not those of RFC 3986.
    pub fn set_path_with_query(&self, path_with_query: Option<String>) -> Result<(), Invalid> {
        let valid = path_with_query
            .as_deref()
            .is_none_or(uri::is_path_with_query);
        set(&self.path_with_query, path_with_query, valid)
    }

    fn url(&self) -> Result<String, Failure> {
        let invalid = || Failure::new("HTTP-request-URI-invalid");
        let scheme = match &*self.scheme.borrow() {
            Some(Scheme::Http) => "http",
            Some(Scheme::Https) | None => "https",
            Some(Scheme::Other(_)) => return Err(invalid()),
        };
        let authority = self.authority.borrow();
        let authority = authority.as_deref().ok_or_else(invalid)?;
        if uri::has_user(authority) {
            return Err(invalid());
        }
        let path = self.path_with_query.borrow();
        let path = path.as_deref().unwrap_or_default();
        let root = if path.starts_with('/') { "" } else { "/" };
        let url = [scheme, "://", authority, root, path].concat();
        if url.len() > MAX_URL_BYTES {
            return Err(Failure::new("HTTP-request-URI-too-long"));
        }
        Ok(url)
    }

    /// Checks what the constructor takes as it is: sections may be copies of an answer's.
    fn check_headers(&self) -> Result<Option<u64>, Failure> {
        let size = fields::size(&self.headers);
        if size > MAX_HEADER_SECTION_BYTES {
            let code = "HTTP-request-header-section-size";
            return Err(Failure::sized(code, size as u64));
        }
        declared_length(&self.headers)
            .ok()
            .filter(|_| self.has_well_formed_headers)
            .ok_or_else(|| Failure::new("HTTP-protocol-error"))
    }
}

impl Drop for OutgoingRequest {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            body.abandon();
        }
    }
}

fn set<T>(part: &RefCell<T>, value: T, valid: bool) -> Result<(), Invalid> {
    if !valid {
        return Err(Invalid);
    }
    part.replace(value);
    Ok(())
}

/// The value of `Content-Length`, which several fields may repeat: RFC 9110, section 8.6.
fn declared_length(headers: &[Field]) -> Result<Option<u64>, Invalid> {
    let mut declared = None;
    for (name, value) in headers {
        if !name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        let digits = std::str::from_utf8(value).map_err(|_| Invalid)?;
        let length = ron_abi::number(name, digits).map_err(|_| Invalid)?;
        if declared
            .replace(length)
            .is_some_and(|other| other != length)
        {
            return Err(Invalid);
        }
    }
    Ok(declared)
}

/// Time-outs of a request in nanoseconds: `request-options`. The host does all three, so setting
/// them always succeeds.
#[derive(Default)]
pub struct RequestOptions {
    /// DNS, TCP and TLS together.
    pub connect: Cell<Option<u64>>,
    /// To the first byte of the answer.
    pub first_byte: Cell<Option<u64>>,
    /// Between bytes of the answer.
    pub between_bytes: Cell<Option<u64>>,
}

/// Sends a request, once its body is finished.
///
/// # Errors
///
/// The request can't be sent as it is: its URI, its method, a header, or the body that it doesn't
/// have or that broke.
pub fn handle(
    instance: &'static Instance,
    mut request: OutgoingRequest,
    options: Option<RequestOptions>,
) -> Result<FutureIncomingResponse, Failure> {
    let options = options.unwrap_or_default();
    let url = request.url()?;
    let declared = request.check_headers()?;
    let send = Send {
        // A request whose target is an authority has no URL.
        method: method_name(&request.method.borrow())
            .ok_or_else(|| Failure::new("HTTP-request-method-invalid"))?
            .to_owned(),
        url,
        connect_timeout: options.connect.get(),
        first_byte_timeout: options.first_byte.get(),
        between_bytes_timeout: options.between_bytes.get(),
        headers: std::mem::take(&mut request.headers),
        body: None,
    };
    let exchange = Exchange::new(&instance.exchanges);
    let body = request.body.borrow_mut().take();
    match (body, declared) {
        (Some(body), _) => body.handle(&exchange, send)?,
        (None, Some(1..)) => return Err(wrong_size(0)),
        (None, _) => exchange.send(&send),
    }
    Ok(FutureIncomingResponse::new(exchange))
}

/// The name of a method; none for CONNECT.
fn method_name(method: &Method) -> Option<&str> {
    Some(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => return None,
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) if name == "CONNECT" => return None,
        Method::Other(name) => name,
    })
}
