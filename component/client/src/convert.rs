//! Between the types of the WIT and those of `ron_core`.

use std::time::Duration;

use ron_core::config::{Overrides, Settings, TimeoutSettings};
use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::problem::Problem;
use ron_core::request::{Call, Idempotency, Plane};

use crate::exchange::Content;
use crate::wit::exports::ron::app::{admin, types};

/// The configuration of a root session.
pub fn settings(given: admin::Configuration) -> Settings {
    Settings {
        base_url: given.base_url,
        allow_insecure_http: given.allow_insecure_http,
        token: given.token,
        user_agent: given.user_agent,
        timeouts: TimeoutSettings {
            overall: given.overall_timeout.map(Duration::from_nanos),
            connect: given.connect_timeout.map(Duration::from_nanos),
            read: given.read_timeout.map(Duration::from_nanos),
            write: given.write_timeout.map(Duration::from_nanos),
        },
        max_concurrency: given.max_concurrency,
        max_queue: given.max_queue,
        max_request_bytes: given.max_request_bytes,
    }
}

/// What a derived session does otherwise.
pub fn overrides(given: &admin::Overrides) -> Overrides {
    Overrides {
        timeouts: TimeoutSettings {
            overall: given.overall_timeout.map(Duration::from_nanos),
            connect: given.connect_timeout.map(Duration::from_nanos),
            read: given.read_timeout.map(Duration::from_nanos),
            write: given.write_timeout.map(Duration::from_nanos),
        },
        max_request_bytes: given.max_request_bytes,
    }
}

/// A request and its content.
pub fn call(plane: Plane, given: types::Request) -> (Call, Option<Content>) {
    let content = given.body.map(|body| match body {
        types::Body::Bytes(bytes) => Content::Bytes(bytes),
        types::Body::Streamed(body) => Content::Streamed(body.content, body.length),
    });
    let call = Call {
        plane,
        method: given.method,
        path: given.path,
        query: given
            .query
            .into_iter()
            .map(|parameter| (parameter.name, parameter.value))
            .collect(),
        headers: given
            .headers
            .into_iter()
            .map(|field| (field.name, field.value))
            .collect(),
        content_length: content.as_ref().map(Content::len),
        timeout: given.timeout.map(Duration::from_nanos),
        idempotency: match given.idempotency {
            types::Idempotency::None => Idempotency::None,
            types::Idempotency::Generated => Idempotency::Generated,
            types::Idempotency::Key(key) => Idempotency::Key(key),
        },
    };
    (call, content)
}

/// An error without what only a call knows.
pub fn error(given: Error) -> types::Error {
    types::Error {
        kind: match given.kind {
            ErrorKind::Request => types::ErrorKind::Request,
            ErrorKind::Config => types::ErrorKind::Config,
            ErrorKind::Problem => types::ErrorKind::Problem,
            ErrorKind::Network => types::ErrorKind::Network,
            ErrorKind::Dns => types::ErrorKind::Dns,
            ErrorKind::Connect => types::ErrorKind::Connect,
            ErrorKind::Tls => types::ErrorKind::Tls,
            ErrorKind::Timeout => types::ErrorKind::Timeout,
            ErrorKind::TooLarge => types::ErrorKind::TooLarge,
            ErrorKind::Overload => types::ErrorKind::Overload,
            ErrorKind::Closed => types::ErrorKind::Closed,
        },
        code: given.code,
        message: given.message,
        phase: given.phase.map(|phase| match phase {
            Phase::Connect => types::Phase::Connect,
            Phase::Read => types::Phase::Read,
            Phase::Write => types::Phase::Write,
            Phase::Overall => types::Phase::Overall,
        }),
        problem: given.problem.map(|given| problem(*given)),
        attempts: 0,
        request_id: None,
    }
}

fn problem(given: Problem) -> types::Problem {
    types::Problem {
        status: given.status,
        code: given.code,
        message: given.message,
        kind: given.kind,
        title: given.title,
        type_uri: given.type_uri,
        reason: given.reason,
        retryable: given.retryable,
        retry_after_ms: given.retry_after_ms,
        correlation_id: given.correlation_id,
        details: given.details,
        extensions: given.extensions,
    }
}
