//! Test fixture: uses the typed interface as a facet will, and `wasi:http` beneath it, blocking in
//! `wasi:io/poll`.

mod streaming;
mod wit;

use wit::exports::ron::probe::probe::Guest;
use wit::ron::app::admin::{self, Configuration};
use wit::ron::app::types::{Body, Error, Idempotency, Request, Response};

/// The component.
struct Probe;

impl Guest for Probe {
    fn run(base_url: String, method: String, path: String, content: Option<String>) -> String {
        match answer(base_url, method, path, content) {
            Ok(response) => format!("{} {}", response.status(), body(&response)),
            Err(error) => format!("error {:?} {}", error.kind, error.code),
        }
    }

    fn relay(authority: String, source: String, target: String) -> String {
        streaming::relay(&authority, &source, &target).unwrap_or_else(streaming::describe)
    }

    fn race(authority: String, paths: Vec<String>, timeout: u64) -> String {
        streaming::race(&authority, &paths, timeout)
    }

    fn upload(authority: String, path: String, length: u64) -> String {
        streaming::upload(&authority, &path, length).unwrap_or_else(streaming::describe)
    }
}

fn answer(
    base_url: String,
    method: String,
    path: String,
    content: Option<String>,
) -> Result<Response, Error> {
    let session = admin::open(&Configuration {
        base_url,
        allow_insecure_http: false,
        credential: admin::Credential::None,
        passport: None,
        user_agent: None,
        overall_timeout: Some(2_000_000_000),
        connect_timeout: None,
        read_timeout: None,
        write_timeout: None,
        max_concurrency: None,
        max_queue: None,
        max_request_bytes: None,
        retries: None,
        backoff: None,
    })?;
    session.send(Request {
        method,
        path,
        query: Vec::new(),
        headers: Vec::new(),
        body: content.map(|content| Body::Bytes(content.into_bytes())),
        timeout: None,
        idempotency: Idempotency::None,
        retries: None,
    })
}

fn body(response: &Response) -> String {
    let Some(stream) = response.body() else {
        return "no body".to_owned();
    };
    streaming::text(&stream).unwrap_or_else(streaming::describe)
}
