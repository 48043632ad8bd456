//! Error answers of every server brought into one form: `protocol.md` 2.5.

use std::time::SystemTime;

use crate::json;
use crate::percent::encoded_component;
use crate::redact::Redactor;

/// One error answer in one form, whichever of its many forms the server sent (`protocol.md` 2.5). The
/// members are those of the WIT record `problem`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(serde::Serialize, schemars::JsonSchema),
    schemars(extend("additionalProperties" = false))
)]
pub struct Problem {
    /// The HTTP status code (RFC 9110, section 15).
    #[cfg_attr(feature = "schema", schemars(range(min = 300, max = 999)))]
    pub status: u16,
    /// What went wrong: an open set of names (`protocol.md` 2.3).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub code: String,
    /// A sentence for people (`protocol.md` 2.5).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub message: String,
    /// The family: `auth`, `validation`, `not_found`, `conflict`, `rate_limit`, `unavailable`,
    /// `redirect`, `internal`, or the server's own (`protocol.md` 2.5).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub kind: String,
    /// The server's title, or the code (`protocol.md` 10, row 2).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub title: String,
    /// What names the type: the server's, or a URN of the code (`protocol.md` 10, row 2).
    #[cfg_attr(feature = "schema", serde(rename = "type"), schemars(length(min = 1)))]
    pub type_uri: String,
    /// The server's machine-readable reason (`protocol.md` 2.2).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub reason: Option<String>,
    /// Whether the same call may succeed later (`protocol.md` 2.5).
    pub retryable: bool,
    /// How long the server asks to wait, in milliseconds (`protocol.md` 2.5).
    #[cfg_attr(feature = "schema", schemars(range(max = u64::MAX)))]
    pub retry_after_ms: Option<u64>,
    /// The id under which the server knows this exchange (`protocol.md` 10, row 8).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub correlation_id: Option<String>,
    /// The server's details; details that are no object stand in its `value` (`protocol.md` 2.5).
    // The text of a JSON object.
    #[cfg_attr(
        feature = "schema",
        serde(serialize_with = "json::serialize_optional"),
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    pub details: Option<String>,
    /// What else the server's object holds (`protocol.md` 2.5).
    // The text of a JSON object.
    #[cfg_attr(
        feature = "schema",
        serde(serialize_with = "json::serialize"),
        schemars(with = "serde_json::Map<String, serde_json::Value>")
    )]
    pub extensions: String,
}

impl Problem {
    /// Maps an answer with a status of 300 and more. Never fails: a body that is no JSON object
    /// counts as an empty one, and so does that of a redirect. `now` is the wall clock, for dates
    /// in `Retry-After`.
    pub fn from_response(
        status: u16,
        headers: &[(String, Vec<u8>)],
        body: &[u8],
        now: SystemTime,
    ) -> Self {
        let body = if status < 400 { &[] } else { body };
        let mut members = Members::read(body, status);
        let title = members.take("title", text);
        let code = members
            .take("code", text)
            .or_else(|| members.take("error", text))
            .or_else(|| title.clone())
            .unwrap_or_else(|| fallback_code(status));
        let reason = members.take("reason", text);
        let message = members
            .take("message", text)
            .or_else(|| members.take("detail", text))
            .or_else(|| title.clone())
            .or_else(|| reason.clone())
            .unwrap_or_else(|| fallback_message(status));
        let correlation_id = ["correlation_id", "correlationId", "corr_id"]
            .into_iter()
            .find_map(|name| members.take(name, text))
            .or_else(|| {
                ["x-correlation-id", "x-request-id", "x-corr-id"]
                    .into_iter()
                    .find_map(|name| first(headers, name))
                    .map(str::to_owned)
            });
        let retry_after_ms = members
            .take("retry_after_ms", |json| shifted(json, 0))
            .or_else(|| members.take("retry_after", |json| shifted(json, 3)))
            .or_else(|| retry_after(first(headers, "retry-after")?, now));
        Self {
            status,
            kind: members
                .take("kind", text)
                .unwrap_or_else(|| kind(status).to_owned()),
            type_uri: members
                .take("type", text)
                .unwrap_or_else(|| format!("urn:ron:problem:{}", encoded_component(&code))),
            title: title.unwrap_or_else(|| code.clone()),
            code,
            message,
            reason,
            retryable: members
                .take("retryable", boolean)
                .unwrap_or(matches!(status, 408 | 429 | 502 | 503 | 504)),
            retry_after_ms,
            correlation_id,
            details: members.take("details", details),
            extensions: members.rest(),
        }
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
        for json in self.details.iter_mut().chain([&mut self.extensions]) {
            *json = json::scrubbed(json, redactor);
        }
    }
}

/// Members that are understood. Without a value (null or the empty string) they count as absent.
const UNDERSTOOD: &[&str] = &[
    "code",
    "corr_id",
    "correlationId",
    "correlation_id",
    "detail",
    "details",
    "error",
    "http",
    "kind",
    "message",
    "reason",
    "retry_after",
    "retry_after_ms",
    "retryable",
    "status",
    "title",
    "type",
];

/// The members of a server's object. What is not taken is an extension, so that nothing that the
/// server said is lost.
struct Members {
    status: String,
    outer: Level,
    /// The name and the members of an object within it that is the problem proper.
    wrapped: Option<(&'static str, Level)>,
}

#[derive(Default)]
struct Level {
    members: json::Object,
    taken: Vec<&'static str>,
}

impl Members {
    fn read(body: &[u8], status: u16) -> Self {
        let mut outer = Level::of(body).unwrap_or_default();
        let wrapped = ["error", "problem"].into_iter().find_map(|name| {
            let inner = Level::of(outer.members.get(name)?.as_bytes())?;
            Some((name, inner))
        });
        outer.taken.extend(wrapped.iter().map(|(name, _)| name));
        Self {
            status: status.to_string(),
            outer,
            wrapped,
        }
    }

    /// Takes the first member of this name, the wrapped object's before the outer one's, that
    /// `read` can read.
    fn take<T>(&mut self, name: &'static str, read: fn(&str) -> Option<T>) -> Option<T> {
        let inner = self.wrapped.iter_mut().map(|(_, inner)| inner);
        inner.chain([&mut self.outer]).find_map(|level| {
            let value = read(level.members.get(name)?)?;
            level.taken.push(name);
            Some(value)
        })
    }

    /// The text of an object of the members that nobody took. Those of the wrapped object move up;
    /// where the outer one has the name too, they stay where they were.
    fn rest(&self) -> String {
        let mut rest = Vec::new();
        let mut stay = Vec::new();
        rest.extend(self.outer.rest(&self.status));
        if let Some((wrapper, inner)) = &self.wrapped {
            for (name, value) in inner.rest(&self.status) {
                if name == *wrapper || self.outer.has_left(name, &self.status) {
                    stay.push((name, value));
                } else {
                    rest.push((name, value));
                }
            }
            if !stay.is_empty() {
                rest.push((wrapper, json::object_of(stay)));
            }
        }
        json::object_of(rest)
    }
}

impl Level {
    fn of(json: &[u8]) -> Option<Self> {
        json::object(json).map(|members| Self {
            members,
            taken: Vec::new(),
        })
    }

    /// The members that nobody took.
    fn rest<'a>(&'a self, status: &'a str) -> impl Iterator<Item = (&'a str, String)> {
        self.members
            .iter()
            .filter(move |(name, value)| self.is_left(name, value, status))
            .map(|(name, value)| (name.as_str(), json::portable(value)))
    }

    /// Whether there is a member of this name that nobody took.
    fn has_left(&self, name: &str, status: &str) -> bool {
        let value = self.members.get(name);
        value.is_some_and(|value| self.is_left(name, value, status))
    }

    /// Whether nobody took this member, and it says more than `status` does.
    fn is_left(&self, name: &str, value: &str, status: &str) -> bool {
        let says_nothing = match value {
            "null" | "\"\"" => UNDERSTOOD.contains(&name),
            value => matches!(name, "status" | "http") && value == status,
        };
        !says_nothing && !self.taken.contains(&name)
    }
}

/// A string that is not empty.
fn text(json: &str) -> Option<String> {
    json::string(json).filter(|text| !text.is_empty())
}

/// An object; any other value but null as the `value` of one.
fn details(json: &str) -> Option<String> {
    let portable = json::portable(json);
    match portable.as_str() {
        "null" | "\"\"" => None,
        object if object.starts_with('{') => Some(portable),
        _ => Some(json::object_of([("value", portable)])),
    }
}

fn boolean(json: &str) -> Option<bool> {
    json.parse().ok()
}

/// A number without sign and exponent, times ten to the power of `places`, rounded up.
fn shifted(json: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = json.split_once('.').unwrap_or((json, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (counted, beyond) = fraction.split_at(places.min(fraction.len()));
    let digits = format!("{whole}{counted:0<places$}");
    let up = beyond.bytes().any(|digit| digit != b'0');
    digits.parse::<u64>().ok()?.checked_add(u64::from(up))
}

/// The first value of a field that is not empty, if it is UTF-8.
fn first<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .filter(|(given, _)| given.eq_ignore_ascii_case(name))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .map(str::trim)
        .find(|value| !value.is_empty())
}

const MAX_DELAY_SECONDS: u64 = 1 << 31;

/// `Retry-After` in milliseconds: ASCII digits or one of the three date forms, else nothing
/// (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: SystemTime) -> Option<u64> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More than this side can count is as much as it can (RFC 9111, section 1.2.2).
        let seconds = value.parse().unwrap_or(u64::MAX).min(MAX_DELAY_SECONDS);
        return Some(seconds * 1000);
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
        300..=399 => {
            format!("the server answered with HTTP {status}; redirects are not followed")
        }
        _ => format!("the server answered with HTTP {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        now: u64,
        captured: Vec<Case>,
        made: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        #[serde(default)]
        name: String,
        #[serde(default)]
        line: u32,
        status: u16,
        headers: Vec<(String, String)>,
        body: Option<String>,
        #[serde(default)]
        body_hex: String,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Expected {
        code: String,
        message: String,
        kind: String,
        title: String,
        r#type: String,
        reason: Option<String>,
        retryable: bool,
        retry_after_ms: Option<u64>,
        correlation_id: Option<String>,
        details: Option<Box<RawValue>>,
        extensions: Box<RawValue>,
    }

    impl Case {
        fn bytes(&self) -> Vec<u8> {
            match &self.body {
                Some(text) => text.clone().into_bytes(),
                None => (0..self.body_hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&self.body_hex[at..at + 2], 16).unwrap())
                    .collect(),
            }
        }
    }

    /// The members of an object and their texts, whatever their order.
    fn members(json: &str) -> BTreeMap<String, String> {
        json::object(json.as_bytes())
            .unwrap()
            .into_iter()
            .map(|(name, value)| (name, json::portable(&value)))
            .collect()
    }

    #[test]
    fn every_answer_of_the_vectors_is_the_problem_that_they_say() {
        let file: File = vectors::read("problems.json");
        let now = UNIX_EPOCH + Duration::from_secs(file.now);
        assert!(file.captured.len() > 100 && file.made.len() > 200);
        for case in file.captured.into_iter().chain(file.made) {
            let headers: Vec<_> = case
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect();
            let found = Problem::from_response(case.status, &headers, &case.bytes(), now);
            let (line, name, expected) = (case.line, case.name, case.expected);
            assert_eq!(
                found.details.as_deref().map(members),
                expected.details.map(|details| members(details.get())),
                "{line} {name}"
            );
            assert_eq!(
                members(&found.extensions),
                members(expected.extensions.get()),
                "{line} {name}"
            );
            let expected = Problem {
                status: case.status,
                code: expected.code,
                message: expected.message,
                kind: expected.kind,
                title: expected.title,
                type_uri: expected.r#type,
                reason: expected.reason,
                retryable: expected.retryable,
                retry_after_ms: expected.retry_after_ms,
                correlation_id: expected.correlation_id,
                details: found.details.clone(),
                extensions: found.extensions.clone(),
            };
            assert_eq!(found, expected, "{line} {name}");
        }
    }

    #[test]
    fn nesting_without_bound_neither_overflows_the_stack_nor_hides_the_code() {
        for open in ["[", r#"{"a":"#, r#"{"error":"#] {
            let deep = open.repeat(100_000);
            let unclosed = format!(r#"{{"code":"c","x":{deep}"#);
            let problem = Problem::from_response(500, &[], unclosed.as_bytes(), UNIX_EPOCH);
            assert_eq!(problem.code, "http_500");
            let close = if open == "[" { "]" } else { "}" }.repeat(100_000);
            let closed = format!(r#"{{"code":"c","x":{deep}1{close}}}"#);
            let problem = Problem::from_response(500, &[], closed.as_bytes(), UNIX_EPOCH);
            assert_eq!(problem.code, "c");
            assert!(members(&problem.extensions)["x"].starts_with('"'));
        }
    }

    #[test]
    fn a_secret_that_a_server_repeats_is_taken_out_wherever_it_stands() {
        let secret = "1234567890";
        let escaped = r"\u0031234567890";
        for said in [secret, escaped] {
            let mut problem = Problem::from_response(
                500,
                &[("x-request-id".to_owned(), secret.as_bytes().to_vec())],
                format!(
                    r#"{{"code":"{said}","message":"a {said}","reason":"{said}","type":"{said}",
                        "details":{{"{said}":["{said}",{secret}]}},"{said}":{{"a":"{said}"}},
                        "deep":{}"{said}"{},"kind":"x{said}","title":"{said}"}}"#,
                    "[".repeat(200),
                    "]".repeat(200)
                )
                .as_bytes(),
                UNIX_EPOCH,
            );
            assert!(problem.extensions.contains(secret));
            problem.scrub(&Redactor::new([secret.to_owned()]));
            let shown = format!("{problem:?}");
            assert!(!shown.contains(secret), "{shown}");
            assert_eq!(
                problem.details.as_deref(),
                Some(r#"{"[redacted]":["[redacted]","[redacted]"]}"#)
            );
        }
    }

    fn json_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "null|true|false|-?[1-9][0-9]{0,30}(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
            ".{0,10}".prop_map(|text| json::quoted(&text)),
            Just(r#""\ud800\u0000\n""#.to_owned()),
        ];
        let name = prop::sample::select(UNDERSTOOD)
            .prop_map(str::to_owned)
            .boxed()
            .prop_union("problem|x|.{0,3}".boxed());
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,\n"))),
                prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                    json::object_of(
                        members
                            .iter()
                            .map(|(name, value)| (name.as_str(), value.clone())),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn mapping_never_fails(
            status in 300u16..=999,
            name in ".{0,20}|retry-after",
            value in prop::collection::vec(any::<u8>(), 0..20),
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                json_text().prop_map(String::into_bytes),
            ],
        ) {
            let mut problem = Problem::from_response(status, &[(name, value)], &body, UNIX_EPOCH);
            problem.scrub(&Redactor::new(["12345678".to_owned()]));
            prop_assert_eq!(problem.status, status);
            prop_assert!(!problem.code.is_empty() && !problem.message.is_empty());
            for json in problem.details.iter().chain([&problem.extensions]) {
                prop_assert!(json::object(json.as_bytes()).is_some(), "{json}");
                prop_assert!(!json.contains(['\0', '\r', '\n']), "{json}");
            }
        }

        /// Every member of the server's object is somewhere in the problem.
        #[test]
        fn nothing_that_the_server_said_is_lost(
            names in prop::collection::btree_set("[a-z]{1,4}|code|error|title|detail|details|status|retry_after|retryable|corr_id|correlation_id|problem|kind", 1..8),
            inner in prop::collection::btree_set("[a-z]{1,4}|code|error|message|status|problem", 0..5),
        ) {
            // Each value is a text of its own, so that its place can be looked for.
            let say = |level: &str, names: &std::collections::BTreeSet<String>| -> Vec<(String, String)> {
                names.iter().map(|name| (name.clone(), format!("\"<{level}.{name}>\""))).collect()
            };
            let mut outer = say("outer", &names);
            let wrapped = say("inner", &inner);
            let texts: Vec<String> = outer
                .iter()
                .filter(|(name, _)| name != "error")
                .chain(&wrapped)
                .map(|(_, text)| text.trim_matches('"').to_owned())
                .collect();
            outer.retain(|(name, _)| name != "error");
            outer.push((
                "error".to_owned(),
                json::object_of(wrapped.iter().map(|(name, value)| (name.as_str(), value.clone()))),
            ));
            let body = json::object_of(outer.iter().map(|(name, value)| (name.as_str(), value.clone())));
            let problem = Problem::from_response(500, &[], body.as_bytes(), UNIX_EPOCH);
            let shown = format!("{problem:?}");
            for text in texts {
                prop_assert!(shown.contains(&text), "{text} of {body} in {shown}");
            }
        }
    }
}
