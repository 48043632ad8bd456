//! Error answers of every server brought into one form: `protocol.md` 2.5.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::redact::Redactor;

/// One error answer. The members are those of the WIT record `problem`.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status code.
    pub status: u16,
    /// An open set of names.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The family.
    pub kind: String,
    /// The server's title, or the code.
    pub title: String,
    /// A URI that names the type.
    pub type_uri: String,
    /// The server's machine-readable reason.
    pub reason: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// How long the server asks to wait.
    pub retry_after_ms: Option<u64>,
    /// The id under which the server knows this exchange.
    pub correlation_id: Option<String>,
    /// The server's details.
    pub details: Option<Value>,
    /// Every other member of the server's object.
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// Maps an answer with a status of 300 and more. Never fails: what can't be read is left out.
    /// `now` is the wall clock, for dates in `Retry-After`.
    pub fn from_response(
        status: u16,
        headers: &[(String, Vec<u8>)],
        body: &[u8],
        now: SystemTime,
    ) -> Self {
        let mut object = match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => unwrapped(object),
            _ => Map::new(),
        };
        let raw_code = object.remove("code");
        let error = take_text(&mut object, "error");
        let title = take_text(&mut object, "title");
        let detail = take_text(&mut object, "detail");
        let reason = take_text(&mut object, "reason");
        let message = take_text(&mut object, "message");
        let code = match &raw_code {
            Some(Value::String(code)) if !code.is_empty() => Some(code.clone()),
            _ => None,
        };
        let code = code
            .or(error)
            .or_else(|| title.clone())
            .unwrap_or_else(|| fallback_code(status));
        let message = message
            .or(detail)
            .or_else(|| title.clone())
            .or_else(|| reason.clone())
            .unwrap_or_else(|| fallback_message(status));
        let correlation_id = ["correlation_id", "correlationId", "corr_id"]
            .into_iter()
            .fold(None, |found: Option<String>, name| {
                let given = take_text(&mut object, name);
                found.or(given)
            })
            .or_else(|| {
                ["x-correlation-id", "x-request-id", "x-corr-id"]
                    .into_iter()
                    .find_map(|name| first(headers, name))
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned)
            });
        let retryable = match object.remove("retryable") {
            Some(Value::Bool(retryable)) => retryable,
            _ => matches!(status, 408 | 429 | 502 | 503 | 504),
        };
        let retry_after_ms = take_number(&mut object, "retry_after_ms");
        let retry_after_s = take_number(&mut object, "retry_after");
        let retry_after_ms = retry_after_ms
            .or_else(|| retry_after_s.and_then(|seconds| seconds.checked_mul(1000)))
            .or_else(|| retry_after(first(headers, "retry-after")?, now));
        object.remove("status");
        object.remove("http");
        let details = object.remove("details").filter(|value| !value.is_null());
        Self {
            status,
            kind: take_text(&mut object, "kind").unwrap_or_else(|| kind(status).to_owned()),
            type_uri: take_text(&mut object, "type")
                .unwrap_or_else(|| format!("urn:ron:problem:{code}")),
            title: title.unwrap_or_else(|| code.clone()),
            code,
            message,
            reason,
            retryable,
            retry_after_ms,
            correlation_id,
            details,
            extensions: object,
        }
    }

    /// The details as JSON text.
    pub fn details_json(&self) -> Option<String> {
        self.details.as_ref().map(Value::to_string)
    }

    /// The other members as the text of a JSON object.
    pub fn extensions_json(&self) -> String {
        Value::Object(self.extensions.clone()).to_string()
    }

    /// Takes secrets out of every text: a server may repeat what it was sent.
    pub fn scrub(&mut self, redactor: &Redactor) {
        let texts = [
            &mut self.code,
            &mut self.message,
            &mut self.kind,
            &mut self.title,
            &mut self.type_uri,
        ];
        let optional = [&mut self.reason, &mut self.correlation_id];
        for text in texts.into_iter().chain(optional.into_iter().flatten()) {
            redactor.scrub(text);
        }
        if let Some(details) = &mut self.details {
            scrub_value(details, redactor);
        }
        self.extensions = scrubbed(std::mem::take(&mut self.extensions), redactor);
    }
}

fn scrub_value(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => redactor.scrub(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| scrub_value(item, redactor)),
        Value::Object(object) => *object = scrubbed(std::mem::take(object), redactor),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scrubbed(object: Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    let mut clean = Map::new();
    for (mut name, mut value) in object {
        redactor.scrub(&mut name);
        scrub_value(&mut value, redactor);
        clean.insert(name, value);
    }
    clean
}

/// The first value of a field, if there is one and it is UTF-8.
fn first<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(given, _)| given.eq_ignore_ascii_case(name))
        .and_then(|(_, value)| std::str::from_utf8(value).ok())
        .map(str::trim)
}

/// The object within `{"error": {…}}` or `{"problem": {…}}`.
fn unwrapped(mut object: Map<String, Value>) -> Map<String, Value> {
    for wrapper in ["error", "problem"] {
        if let Some(Value::Object(_)) = object.get(wrapper)
            && let Some(Value::Object(inner)) = object.remove(wrapper)
        {
            return inner;
        }
    }
    object
}

fn take_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name) {
        Some(Value::String(_) | Value::Null) => match object.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn take_number(object: &mut Map<String, Value>, name: &str) -> Option<u64> {
    match object.get(name) {
        Some(value) if value.is_u64() => object.remove(name).and_then(|value| value.as_u64()),
        _ => None,
    }
}

/// `Retry-After` in milliseconds: ASCII digits or one of the three date forms, else nothing
/// (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: SystemTime) -> Option<u64> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse::<u64>().ok()?.checked_mul(1000);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let wait = date.duration_since(now).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}

fn kind(status: u16) -> &'static str {
    match status {
        300..=399 => "redirect",
        401 | 403 => "auth",
        400 | 411 | 413 | 415 | 422 => "validation",
        404 => "not_found",
        409 => "conflict",
        429 => "rate_limit",
        502..=504 => "unavailable",
        _ => "internal",
    }
}

fn fallback_code(status: u16) -> String {
    match status {
        300..=399 => "redirect".to_owned(),
        _ => format!("http_{status}"),
    }
}

fn fallback_message(status: u16) -> String {
    match status {
        300..=399 => format!("the server redirects (HTTP {status}); redirects are not followed"),
        _ => format!("the server answered with HTTP {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn map(status: u16, headers: &[(&str, &str)], body: &str) -> Problem {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Problem::from_response(status, &headers, body.as_bytes(), now)
    }

    #[test]
    fn the_gateways_own_form_is_read_whole() {
        let problem = map(
            502,
            &[("X-Request-Id", "r-1")],
            r#"{"code":"upstream_unavailable","message":"upstream connect error","retryable":true,"reason":"connect"}"#,
        );
        assert_eq!(problem.code, "upstream_unavailable");
        assert_eq!(problem.message, "upstream connect error");
        assert_eq!(problem.reason.as_deref(), Some("connect"));
        assert_eq!(problem.kind, "unavailable");
        assert_eq!(problem.correlation_id.as_deref(), Some("r-1"));
        assert_eq!(problem.type_uri, "urn:ron:problem:upstream_unavailable");
        assert!(problem.retryable);
    }

    #[test]
    fn wrapped_and_foreign_forms_are_read() {
        let nested = map(
            400,
            &[],
            r#"{"error":{"code":"c","message":"m","corr_id":"","x":1}}"#,
        );
        assert_eq!((nested.code.as_str(), nested.message.as_str()), ("c", "m"));
        assert_eq!(nested.extensions["x"], 1);
        assert_eq!(nested.correlation_id, None);
        let rfc7807 = map(
            404,
            &[],
            r#"{"title":"not_found","status":404,"detail":"object not found","type":"about:blank"}"#,
        );
        assert_eq!(
            (rfc7807.code.as_str(), rfc7807.message.as_str()),
            ("not_found", "object not found")
        );
        assert_eq!(rfc7807.type_uri, "about:blank");
        let paid = map(402, &[], r#"{"error":"payment_required","reason":"why"}"#);
        assert_eq!(
            (paid.code.as_str(), paid.message.as_str()),
            ("payment_required", "why")
        );
        let shedding = map(
            503,
            &[],
            r#"{"reason":"overloaded","message":"please retry"}"#,
        );
        assert_eq!(
            (shedding.code.as_str(), shedding.retryable),
            ("http_503", true)
        );
    }

    #[test]
    fn anything_that_is_no_object_is_mapped_by_status() {
        for body in ["", "not found", "[1]", "null", "{\"a\":", "\u{1f600}"] {
            let problem = map(404, &[], body);
            assert_eq!(problem.code, "http_404");
            assert_eq!(problem.kind, "not_found");
            assert!(!problem.retryable);
        }
        assert_eq!(map(302, &[], "").code, "redirect");
    }

    #[test]
    fn the_wait_comes_from_the_body_first_and_then_from_the_header() {
        let hint = |headers: &[(&str, &str)], body: &str| map(429, headers, body).retry_after_ms;
        assert_eq!(
            hint(&[("Retry-After", "1")], r#"{"retry_after_ms":50}"#),
            Some(50)
        );
        assert_eq!(
            hint(&[("Retry-After", "1")], r#"{"retry_after":2}"#),
            Some(2000)
        );
        assert_eq!(hint(&[("Retry-After", "1")], ""), Some(1000));
        assert_eq!(
            hint(&[("Retry-After", "Tue, 14 Nov 2023 22:13:30 GMT")], ""),
            Some(10_000)
        );
        assert_eq!(
            hint(&[("Retry-After", "Tue, 14 Nov 2023 22:13:00 GMT")], ""),
            Some(0)
        );
        for bad in ["inf", "nan", "1e3", "+5", "-1", "1.5", "９", "", "tomorrow"] {
            assert_eq!(hint(&[("Retry-After", bad)], ""), None, "{bad}");
        }
        assert_eq!(hint(&[("Retry-After", &"9".repeat(40))], ""), None);
    }

    #[test]
    fn a_secret_that_a_server_repeats_is_taken_out_wherever_it_stands() {
        let secret = "hunter2222";
        let mut problem = map(
            500,
            &[("x-request-id", secret)],
            &format!(
                r#"{{"code":"{secret}","message":"a {secret}","reason":"{secret}","type":"{secret}",
                    "details":{{"{secret}":["{secret}"]}},"{secret}":{{"a":"{secret}"}}}}"#
            ),
        );
        problem.scrub(&Redactor::new([secret.to_owned()]));
        assert!(!format!("{problem:?}").contains(secret));
    }

    proptest! {
        #[test]
        fn mapping_never_fails(
            status in 300u16..=999,
            name in ".{0,20}",
            value in prop::collection::vec(any::<u8>(), 0..20),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let problem = Problem::from_response(status, &[(name, value)], &body, UNIX_EPOCH);
            prop_assert_eq!(problem.status, status);
            prop_assert!(!problem.code.is_empty() && !problem.message.is_empty());
        }
    }
}
