//! `wasi:http`: the client's side. The server's exists because it is part of the interface; nothing
//! here can make such a resource.

use crate::Wire;
use crate::failure::Failure;
use crate::fields::{Field, Fields};
use crate::incoming::{
    FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingResponse, Taken,
};
use crate::outgoing::{self, Invalid, OutgoingRequest, RequestOptions};
use crate::outgoing_body::OutgoingBody;
use crate::stream_error::IoError;
use crate::wasi::instance;
use crate::wit::exports::wasi::http::outgoing_handler;
use crate::wit::exports::wasi::http::types::{self, ErrorCode, HeaderError, Method, Scheme};
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
        match err.get::<IoError>() {
            IoError::Http(failure) => Some(failure.error_code()),
            IoError::Unsupported(_) => None,
        }
    }
}

impl From<Failure> for ErrorCode {
    fn from(failure: Failure) -> Self {
        failure.error_code()
    }
}

impl outgoing_handler::Guest for Wire {
    fn handle(
        request: types::OutgoingRequest,
        options: Option<types::RequestOptions>,
    ) -> Result<types::FutureIncomingResponse, ErrorCode> {
        let options = options.map(types::RequestOptions::into_inner::<RequestOptions>);
        let future = outgoing::handle(instance(), request.into_inner(), options)?;
        Ok(types::FutureIncomingResponse::new(future))
    }
}

impl types::GuestFields for Fields {
    fn new() -> Self {
        Self::default()
    }

    fn from_list(entries: Vec<Field>) -> Result<types::Fields, HeaderError> {
        Self::from_list(entries).map(types::Fields::new)
    }

    fn get(&self, name: String) -> Vec<Vec<u8>> {
        Self::get(self, &name)
    }

    fn has(&self, name: String) -> bool {
        Self::has(self, &name)
    }

    fn set(&self, name: String, values: Vec<Vec<u8>>) -> Result<(), HeaderError> {
        Self::set(self, &name, values)
    }

    fn delete(&self, name: String) -> Result<(), HeaderError> {
        Self::delete(self, &name)
    }

    fn append(&self, name: String, value: Vec<u8>) -> Result<(), HeaderError> {
        Self::append(self, name, value)
    }

    fn entries(&self) -> Vec<Field> {
        Self::entries(self)
    }

    fn clone(&self) -> types::Fields {
        types::Fields::new(self.copy())
    }
}

impl From<Invalid> for () {
    fn from(_: Invalid) {}
}

impl types::GuestOutgoingRequest for OutgoingRequest {
    fn new(headers: types::Headers) -> Self {
        Self::new(headers.into_inner())
    }

    fn body(&self) -> Result<types::OutgoingBody, ()> {
        Self::body(self).map(types::OutgoingBody::new).ok_or(())
    }

    fn method(&self) -> Method {
        self.method.borrow().clone()
    }

    fn set_method(&self, method: Method) -> Result<(), ()> {
        Ok(Self::set_method(self, method)?)
    }

    fn path_with_query(&self) -> Option<String> {
        self.path_with_query.borrow().clone()
    }

    fn set_path_with_query(&self, path_with_query: Option<String>) -> Result<(), ()> {
        Ok(Self::set_path_with_query(self, path_with_query)?)
    }

    fn scheme(&self) -> Option<Scheme> {
        self.scheme.borrow().clone()
    }

    fn set_scheme(&self, scheme: Option<Scheme>) -> Result<(), ()> {
        Ok(Self::set_scheme(self, scheme)?)
    }

    fn authority(&self) -> Option<String> {
        self.authority.borrow().clone()
    }

    fn set_authority(&self, authority: Option<String>) -> Result<(), ()> {
        Ok(Self::set_authority(self, authority)?)
    }

    fn headers(&self) -> types::Headers {
        types::Headers::new(Self::headers(self))
    }
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

impl types::GuestOutgoingBody for OutgoingBody {
    fn write(&self) -> Result<streams::OutputStream, ()> {
        Self::write(self).map(streams::OutputStream::new).ok_or(())
    }

    fn finish(
        this: types::OutgoingBody,
        trailers: Option<types::Trailers>,
    ) -> Result<(), ErrorCode> {
        let body: Self = this.into_inner();
        Ok(body.finish(trailers.map(types::Trailers::into_inner))?)
    }
}

impl From<Taken> for () {
    fn from(_: Taken) {}
}

impl types::GuestFutureIncomingResponse for FutureIncomingResponse {
    fn subscribe(&self) -> poll::Pollable {
        poll::Pollable::new(Self::subscribe(self))
    }

    fn get(&self) -> Option<Result<Result<types::IncomingResponse, ErrorCode>, ()>> {
        let answer = Self::get(self)?;
        Some(answer.map_err(Into::into).map(|answer| {
            let response = answer.map(types::IncomingResponse::new);
            response.map_err(Into::into)
        }))
    }
}

impl types::GuestIncomingResponse for IncomingResponse {
    fn status(&self) -> u16 {
        Self::status(self)
    }

    fn headers(&self) -> types::Headers {
        types::Headers::new(Self::headers(self))
    }

    fn consume(&self) -> Result<types::IncomingBody, ()> {
        Self::consume(self).map(types::IncomingBody::new).ok_or(())
    }
}

impl types::GuestIncomingBody for IncomingBody {
    fn stream(&self) -> Result<streams::InputStream, ()> {
        Self::stream(self).map(streams::InputStream::new).ok_or(())
    }

    fn finish(this: types::IncomingBody) -> types::FutureTrailers {
        types::FutureTrailers::new(this.into_inner::<Self>().finish())
    }
}

impl types::GuestFutureTrailers for FutureTrailers {
    fn subscribe(&self) -> poll::Pollable {
        poll::Pollable::new(Self::subscribe(self))
    }

    fn get(&self) -> Option<Result<Result<Option<types::Trailers>, ErrorCode>, ()>> {
        let end = Self::get(self)?;
        Some(end.map_err(Into::into).map(|end| {
            end?;
            Ok(None)
        }))
    }
}

/// A resource of the server's side: uninhabited, as nothing can make one.
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
