//! `wasi:http` as it is: streams both ways, splicing, and polls of a mix.

use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::http::outgoing_handler::handle;
use crate::wit::wasi::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    Scheme, http_error_code,
};
use crate::wit::wasi::io::poll::{Pollable, poll};
use crate::wit::wasi::io::streams::{InputStream, StreamError};

/// A stream's error, and what `wasi:http` knows of it.
pub fn describe(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => {
            let code = http_error_code(&error);
            format!("{} {code:?}", error.to_debug_string())
        }
    }
}

/// All bytes of a stream, as text.
pub fn text(stream: &InputStream) -> Result<String, StreamError> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(7) {
            Ok(mut chunk) => bytes.append(&mut chunk),
            Err(StreamError::Closed) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => return Err(error),
        }
    }
}

fn request(authority: &str, method: &Method, path: &str) -> OutgoingRequest {
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(method).expect("a method");
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request
        .set_authority(Some(authority))
        .expect("an authority");
    request.set_path_with_query(Some(path)).expect("a path");
    request
}

fn answer(future: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    future.subscribe().block();
    let answer = future.get().expect("it is ready").expect("the first time");
    answer.map_err(|code| format!("{code:?}"))
}

pub fn relay(authority: &str, source: &str, target: &str) -> Result<String, StreamError> {
    let source = handle(request(authority, &Method::Get, source), None).expect("it can be sent");
    let source = answer(&source).expect("an answer");
    let body = source.consume().expect("the first time");
    let from = body.stream().expect("the first time");

    let target = request(authority, &Method::Post, target);
    let sending = target.body().expect("the first time");
    let answering = handle(target, None).expect("it can be sent");
    let to = sending.write().expect("the first time");
    loop {
        match to.blocking_splice(&from, 1000) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(error) => return Err(error),
        }
    }
    to.blocking_write_and_flush(b"!")?;
    drop(to);
    OutgoingBody::finish(sending, None).expect("no length was promised");
    Ok(match answer(&answering) {
        Ok(response) => {
            let body = response.consume().expect("the first time");
            let stream = body.stream().expect("the first time");
            format!("{} {}", response.status(), text(&stream)?)
        }
        Err(code) => code,
    })
}

pub fn race(authority: &str, paths: &[String], timeout: u64) -> String {
    let futures: Vec<_> = paths
        .iter()
        .map(|path| handle(request(authority, &Method::Get, path), None).expect("it can be sent"))
        .collect();
    let timer = monotonic_clock::subscribe_duration(timeout);
    let mut waiting: Vec<(usize, Pollable)> = futures
        .iter()
        .map(FutureIncomingResponse::subscribe)
        .enumerate()
        .collect();
    let mut order = Vec::new();
    loop {
        let pollables: Vec<&Pollable> = waiting.iter().map(|(_, p)| p).chain([&timer]).collect();
        // From the last, so that those before it keep their places.
        for index in poll(&pollables).into_iter().rev() {
            if index as usize == waiting.len() {
                order.push("timer".to_owned());
                return order.join(", ");
            }
            let (path, _) = waiting.remove(index as usize);
            let seen = match answer(&futures[path]) {
                Ok(response) => response.status().to_string(),
                Err(code) => code,
            };
            order.push(format!("{path} {seen}"));
        }
    }
}

pub fn upload(authority: &str, path: &str, length: u64) -> Result<String, StreamError> {
    let request = request(authority, &Method::Put, path);
    let body = request.body().expect("the first time");
    let future = handle(request, None).expect("it can be sent");
    let stream = body.write().expect("the first time");
    let mut left = length;
    while left > 0 {
        stream.subscribe().block();
        let now = left.min(stream.check_write()?);
        stream.write(&vec![b'x'; now as usize])?;
        left -= now;
    }
    stream.blocking_flush()?;
    drop(stream);
    OutgoingBody::finish(body, None).expect("no length was promised");
    Ok(match answer(&future) {
        Ok(response) => response.status().to_string(),
        Err(code) => code,
    })
}
