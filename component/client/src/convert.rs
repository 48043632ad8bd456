//! Between the types of the WIT and those of `ron_core`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ron_core::caveats::Caveats;
use ron_core::config::{CredentialSettings, Overrides, Settings, TimeoutSettings};
use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::event_stream::Message;
use ron_core::plane::Plane;
use ron_core::problem::Problem;
use ron_core::request::{Call, Idempotency};
use ron_core::retry::{Backoff, Stopped};
use ron_core::subscription;
use ron_core::timeline::Attempt;

use crate::content::{Content, Streamed};
use crate::wit::exports::ron::app::{admin, events, types};

/// The configuration of a root session.
pub fn settings(given: admin::Configuration) -> Settings {
    Settings {
        base_url: given.base_url,
        allow_insecure_http: given.allow_insecure_http,
        credential: credential(given.credential),
        passport: given.passport,
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
        retries: given.retries,
        backoff: given.backoff.map(backoff),
    }
}

fn backoff(given: admin::Backoff) -> Backoff {
    match given {
        admin::Backoff::Exponential => Backoff::Exponential,
        admin::Backoff::Linear => Backoff::Linear,
    }
}

fn credential(given: admin::Credential) -> CredentialSettings {
    let mut settings = CredentialSettings::default();
    match given {
        admin::Credential::None => {}
        admin::Credential::Token(token) => settings.token = Some(token),
        admin::Credential::Macaroon(macaroon) => settings.macaroon = Some(macaroon),
        admin::Credential::Provided => settings.token_provider = true,
    }
    settings
}

/// What a derived session does otherwise.
pub fn overrides(given: admin::Overrides) -> Overrides {
    Overrides {
        credential: given.credential.map(credential).unwrap_or_default(),
        without_passport: given.without_passport,
        caveats: Caveats {
            expires_at: given.caveats.expires_at,
            methods: given.caveats.methods,
            path_prefix: given.caveats.path_prefix,
            max_bytes: given.caveats.max_bytes,
        },
        timeouts: TimeoutSettings {
            overall: given.overall_timeout.map(Duration::from_nanos),
            connect: given.connect_timeout.map(Duration::from_nanos),
            read: given.read_timeout.map(Duration::from_nanos),
            write: given.write_timeout.map(Duration::from_nanos),
        },
        max_request_bytes: given.max_request_bytes,
        retries: given.retries,
        backoff: given.backoff.map(backoff),
    }
}

/// A request and its content.
pub fn call(plane: Plane, given: types::Request) -> (Call, Option<Content>) {
    let content = given.body.map(|body| match body {
        types::Body::Bytes(bytes) => Content::Bytes(bytes),
        types::Body::Streamed(body) => Content::Streamed(Streamed {
            stream: body.content,
            length: body.length,
            repeats: body.repeats,
            at: Cell::new(0),
        }),
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
            types::Idempotency::Derived(name) => Idempotency::Derived(name),
        },
        retries: given.retries,
        stream: false,
    };
    (call, content)
}

/// What a subscription asks for.
pub fn stream_settings(given: events::Options) -> subscription::Settings {
    subscription::Settings {
        last_event_id: given.last_event_id,
        reconnect: given.reconnect,
        reconnect_delay: given.reconnect_delay.map(Duration::from_nanos),
        reconnect_timeout: given.reconnect_timeout.map(Duration::from_nanos),
        max_reconnects: given.max_reconnects,
        idle_timeout: given.idle_timeout.map(Duration::from_nanos),
        max_duration: given.max_duration.map(Duration::from_nanos),
        max_events: given.max_events,
        max_line_bytes: given.max_line_bytes,
        max_event_bytes: given.max_event_bytes,
        comments: given.comments,
        drop_heartbeats: given.drop_heartbeats,
    }
}

/// What a stream brings; `before` is the id of the event before it.
pub fn message(given: Message, before: &mut Option<Rc<str>>) -> events::Message {
    match given {
        Message::Event(event) => events::Message::Event(events::Event {
            kind: event.kind.into_owned(),
            data: event.data,
            id: match before.replace(event.id.clone()) {
                Some(before) if Rc::ptr_eq(&before, &event.id) => None,
                _ => Some(event.id.to_string()),
            },
            retry: event.retry,
        }),
        Message::Comment(text) => events::Message::Comment(text),
    }
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
            ErrorKind::Stream => types::ErrorKind::Stream,
            ErrorKind::Capability => types::ErrorKind::Capability,
            ErrorKind::Credential => types::ErrorKind::Credential,
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
        timeline: Vec::new(),
        stopped: None,
        request_id: None,
    }
}

/// Attempts in order.
pub fn attempts(given: &[Attempt]) -> Vec<types::Attempt> {
    let attempt = |attempt: &Attempt| types::Attempt {
        start: attempt.start,
        duration: attempt.duration,
        status: attempt.status,
        error: attempt.error.clone(),
        wait: attempt.wait,
    };
    given.iter().map(attempt).collect()
}

/// Why there was no other attempt.
pub fn stopped(given: Stopped) -> types::Stopped {
    match given {
        Stopped::ServerSaidNo => types::Stopped::ServerSaidNo,
        Stopped::NotRetryable => types::Stopped::NotRetryable,
        Stopped::NotIdempotent => types::Stopped::NotIdempotent,
        Stopped::BodyConsumed => types::Stopped::BodyConsumed,
        Stopped::AttemptsUsedUp => types::Stopped::AttemptsUsedUp,
        Stopped::WaitTooLong => types::Stopped::WaitTooLong,
        Stopped::Deadline => types::Stopped::Deadline,
        Stopped::BudgetEmpty => types::Stopped::BudgetEmpty,
        Stopped::QueueFull => types::Stopped::QueueFull,
        Stopped::Closed => types::Stopped::Closed,
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
