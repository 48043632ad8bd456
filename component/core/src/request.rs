//! From a caller's call to the request that is sent.

use std::time::Duration;

use crate::config::{Config, too_many_retries};
use crate::credential::Scheme;
use crate::defaults::MAX_TARGET_BYTES;
use crate::error::{Error, ErrorKind};
use crate::header::{self, Field, LAST_EVENT_ID};
use crate::idempotency::{self, Scope};
use crate::message::quoted;
use crate::method;
use crate::path::{app_path, node_path};
use crate::plane::Plane;
use crate::query;

/// How a call gets its `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// None is sent.
    None,
    /// One is made.
    Generated,
    /// The caller's.
    Key(String),
    /// One is derived from the caller's name for what is to happen once.
    Derived(String),
}

/// What a caller asks for.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where it goes.
    pub plane: Plane,
    /// The method.
    pub method: String,
    /// The path, perhaps with a query.
    pub path: String,
    /// More parameters.
    pub query: Vec<(String, String)>,
    /// The caller's fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The size of the content in bytes; none without content.
    pub content_length: Option<u64>,
    /// The time for the whole call.
    pub timeout: Option<Duration>,
    /// The idempotency key.
    pub idempotency: Idempotency,
    /// Attempts after the first.
    pub retries: Option<u32>,
    /// Whether the answer is to be an event stream.
    pub stream: bool,
}

/// What is sent, the same on every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The method.
    pub method: String,
    /// Path and query, encoded.
    pub target: String,
    /// The header section.
    pub headers: Vec<Field>,
    /// The id of the logical call.
    pub request_id: String,
    /// The time for the whole call.
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// Whether the server may see it again without harm: it is idempotent by its method or has a key.
    pub repeatable: bool,
    /// How the session's credential is sent with it, if at all. Which one that is may change from one
    /// attempt to the next.
    pub scheme: Option<Scheme>,
}

impl Prepared {
    /// The bytes of its target and its header section.
    pub fn size(&self) -> u64 {
        let fields = self.headers.iter();
        let headers: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
        (self.target.len() + headers) as u64
    }

    /// Has it ask by GET, without content.
    pub fn become_get(&mut self) {
        self.method = "GET".to_owned();
        let of_content = |name: &str| name.starts_with("content-");
        self.headers.retain(|(name, _)| !of_content(name));
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Checks a call and completes it. `request_id` and `generated_key` are used where the caller gave
/// none.
///
/// # Errors
///
/// Kind `request`, `too-large` or `capability`.
pub fn prepare(
    config: &Config,
    call: &Call,
    request_id: impl FnOnce() -> String,
    generated_key: impl FnOnce() -> String,
) -> Result<Prepared, Error> {
    let method = method::checked(&call.method)?;
    let (path, scheme) = match call.plane {
        Plane::App => (app_path(&call.path)?, Some(Scheme::Bearer)),
        Plane::Node { credential } => {
            let path = node_path(&call.path)?;
            let scheme = credential.then(|| Scheme::for_node(&path.path));
            (path, scheme)
        }
    };
    config
        .caveats
        .check(call.plane, &method, &path.path, call.content_length)?;
    let query = query::encode(path.query, &call.query)?;
    if let Some(length) = call.content_length
        && length > config.max_request_bytes
    {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "request_too_large",
            format!(
                "the request body has {length} bytes, more than max_request_bytes ({}); raise that limit or send less",
                config.max_request_bytes
            ),
        ));
    }
    let timeout = match call.timeout {
        None => config.timeouts.overall,
        Some(Duration::ZERO) => {
            return Err(Error::request(
                "invalid_timeout",
                "timeout is 0; give a positive time",
            ));
        }
        Some(timeout) => timeout,
    };
    if let Some(fault) = too_many_retries(call.retries) {
        return Err(Error::request("invalid_retries", fault));
    }
    let retries = call.retries.unwrap_or(config.retries);

    let mut headers = Headers::of_caller(&call.headers)?;
    let to_store = call.plane != Plane::App && path.path.starts_with("/v1/kv/");
    if to_store && headers.get("content-encoding").is_some() {
        return Err(Error::request(
            "reserved_header",
            "header 'content-encoding' is refused: the key-value store of a node takes content as it is (protocol.md 1.6); remove the header",
        ));
    }
    if call.stream {
        check_stream(call, &headers)?;
        headers.default("accept", "text/event-stream");
        headers.default("cache-control", "no-cache");
    }
    headers.default("accept", "application/json, */*;q=0.8");
    headers.default("accept-encoding", "identity");
    if let Some(agent) = &config.user_agent {
        headers.default("user-agent", agent);
    }
    let request_id = match headers.single("x-request-id")? {
        Some(given) => given.to_owned(),
        None => request_id(),
    };
    headers.default("x-request-id", &request_id);
    headers.default("x-correlation-id", &request_id);
    let own_key = headers.single("idempotency-key")?;
    match (own_key, &call.idempotency) {
        (Some(key), Idempotency::None) => {
            idempotency::checked(key)?;
        }
        (Some(_), _) => {
            return Err(Error::request(
                "invalid_idempotency_key",
                "the idempotency key is given twice, as idem and among the headers; give one",
            ));
        }
        (None, Idempotency::None) => {}
        (None, Idempotency::Generated) => headers.default("idempotency-key", &generated_key()),
        (None, Idempotency::Key(key)) => {
            headers.default("idempotency-key", idempotency::checked(key)?);
        }
        (None, Idempotency::Derived(name)) => {
            // One that changes would make another key of the same name.
            let credential = scheme.zip(config.source.fixed());
            let key = idempotency::derived(&Scope {
                origin: &config.origin,
                authorization: credential.map(|(scheme, credential)| credential.value(scheme)),
                method: &method,
                path: &path.path,
                name,
            })?;
            headers.default("idempotency-key", &key);
        }
    }
    let repeatable = method::is_idempotent(&method) || headers.get("idempotency-key").is_some();
    if let (Some(_), Some(passport)) = (scheme, &config.passport) {
        headers.default("x-ron-passport", passport);
    }
    if call.content_length.is_some() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        let length = call.content_length.unwrap_or(0);
        headers.default("content-length", &length.to_string());
    }
    let headers = headers.fields;
    header::check_size(&headers)?;

    let mut target = config.origin.prefix.clone();
    target.push_str(&path.path);
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    if target.len() as u64 > MAX_TARGET_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "request_target_too_large",
            format!(
                "path and query take {} bytes, more than {MAX_TARGET_BYTES}; send the data in the body",
                target.len()
            ),
        ));
    }
    Ok(Prepared {
        method,
        target,
        headers,
        request_id,
        timeout,
        retries,
        repeatable,
        scheme,
    })
}

/// What streams do otherwise than calls is refused where it would be lost.
fn check_stream(call: &Call, headers: &Headers) -> Result<(), Error> {
    if headers.get(LAST_EVENT_ID).is_some() {
        return Err(Error::request(
            "reserved_header",
            "header last-event-id is set by the stream; give the first one as last_event_id",
        ));
    }
    if call.retries.is_some() {
        return Err(Error::request(
            "invalid_retries",
            "retries is for calls; a stream has max_reconnects",
        ));
    }
    Ok(())
}

/// A header section in the making. Names are in lower case, as HTTP/2 wants them.
struct Headers {
    fields: Vec<Field>,
}

impl Headers {
    fn of_caller(given: &[(String, Vec<u8>)]) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(given.len() + 8);
        for (name, value) in given {
            if let Some(byte) = value.iter().find(|byte| !byte.is_ascii()) {
                return Err(Error::request(
                    "invalid_header",
                    format!(
                        "the value of header {} holds the byte 0x{byte:02X}; field values are ASCII: percent-encode it or send it in the body",
                        quoted(name)
                    ),
                ));
            }
            header::check(name, &String::from_utf8_lossy(value))?;
            fields.push((name.to_ascii_lowercase(), value.clone()));
        }
        Ok(Self { fields })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| std::str::from_utf8(value).unwrap_or_default())
    }

    /// The value of a field that may stand once only.
    fn single(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.fields.iter().filter(|(given, _)| given == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Error::request(
                "invalid_header",
                format!(
                    "the header {} is given more than once; give one",
                    quoted(name)
                ),
            ));
        }
        Ok(first.map(|(_, value)| std::str::from_utf8(value).unwrap_or_default()))
    }

    /// Adds a field unless the caller has given it.
    fn default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.fields
                .push((name.to_owned(), value.as_bytes().to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::config::{CredentialSettings, Settings};
    use crate::subscription::last_event_id;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        user_agent: String,
        calls: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        prefix: String,
        token: Option<String>,
        plane: String,
        #[serde(default)]
        credential: bool,
        method: String,
        path: String,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        content_length: Option<u64>,
        idempotency: Option<Keyed>,
        stream: Option<Streamed>,
        sent: Sent,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Keyed {
        Generated(bool),
        Key(String),
    }

    #[derive(Deserialize)]
    struct Streamed {
        last_event_id: String,
    }

    #[derive(Deserialize)]
    struct Sent {
        method: String,
        target: String,
        content_length: Option<u64>,
        headers: Vec<(String, String)>,
    }

    #[test]
    fn every_call_of_the_vectors_becomes_the_request_that_they_say() {
        let file: File = vectors::read("calls.json");
        assert!(file.calls.len() > 30);
        for case in file.calls {
            let config = Config::new(Settings {
                base_url: ["https://gw.example", &case.prefix].concat(),
                credential: CredentialSettings {
                    token: case.token,
                    ..CredentialSettings::default()
                },
                user_agent: Some(file.user_agent.clone()),
                ..Settings::default()
            })
            .unwrap_or_else(|error| panic!("{}", error.message));
            let call = Call {
                plane: match case.plane.as_str() {
                    "app" => Plane::App,
                    _ => Plane::Node {
                        credential: case.credential,
                    },
                },
                query: case.query,
                headers: case
                    .headers
                    .into_iter()
                    .map(|(name, value)| (name, value.into_bytes()))
                    .collect(),
                content_length: case.content_length,
                idempotency: match case.idempotency {
                    None => Idempotency::None,
                    Some(Keyed::Generated(made)) => {
                        assert!(made);
                        Idempotency::Generated
                    }
                    Some(Keyed::Key(key)) => Idempotency::Key(key),
                },
                stream: case.stream.is_some(),
                ..call(&case.method, &case.path)
            };
            let made = |what: &'static str| move || what.to_owned();
            let request = prepare(&config, &call, made("<request-id>"), made("<uuid>"))
                .unwrap_or_else(|error| panic!("{}: {}", case.name, error.message));
            let mut request = authorized(&config, request);
            let id = case.stream.map(|stream| stream.last_event_id);
            request
                .headers
                .extend(id.as_deref().and_then(last_event_id));
            assert_eq!(request.method, case.sent.method, "{}", case.name);
            assert_eq!(request.target, case.sent.target, "{}", case.name);
            let length = case.sent.content_length.map(|length| length.to_string());
            assert_eq!(
                values(&request, "content-length"),
                length.iter().collect::<Vec<_>>(),
                "{}",
                case.name
            );
            let latin_1 = |value: Vec<u8>| value.into_iter().map(char::from).collect();
            let mut headers: Vec<(String, String)> = request
                .headers
                .into_iter()
                .filter(|(name, _)| name != "content-length")
                .map(|(name, value)| (name, latin_1(value)))
                .collect();
            headers.sort();
            assert_eq!(headers, case.sent.headers, "{}", case.name);
        }
    }

    fn config() -> Config {
        Config::new(Settings {
            base_url: "https://gw.example/ron".to_owned(),
            credential: CredentialSettings {
                token: Some("0123456789".to_owned()),
                ..CredentialSettings::default()
            },
            user_agent: Some("test/1".to_owned()),
            ..Settings::default()
        })
        .unwrap_or_else(|error| panic!("{}", error.message))
    }

    fn call(method: &str, path: &str) -> Call {
        Call {
            plane: Plane::App,
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            content_length: None,
            timeout: None,
            idempotency: Idempotency::None,
            retries: None,
            stream: false,
        }
    }

    fn prepared(call: &Call) -> Result<Prepared, Error> {
        let config = config();
        let request = prepare(&config, call, || "id".to_owned(), || "key".to_owned());
        request.map(|request| authorized(&config, request))
    }

    /// As it is sent.
    fn authorized(config: &Config, mut request: Prepared) -> Prepared {
        if let (Some(scheme), Some(credential)) = (request.scheme, config.source.fixed()) {
            let value = credential.value(scheme).as_bytes().to_vec();
            request.headers.push(("authorization".to_owned(), value));
        }
        request
    }

    fn values<'a>(prepared: &'a Prepared, name: &str) -> Vec<&'a str> {
        prepared
            .headers
            .iter()
            .filter(|(given, _)| given == name)
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect()
    }

    #[test]
    fn a_call_becomes_a_request_with_one_id_under_both_names() {
        let request = prepared(&Call {
            query: vec![("q".to_owned(), "1".to_owned())],
            ..call("get", "/hello?a=b")
        })
        .unwrap();
        assert_eq!(request.method, "GET");
        assert_eq!(request.target, "/ron/app/hello?a=b&q=1");
        assert_eq!(request.request_id, "id");
        for (name, value) in [
            ("x-request-id", "id"),
            ("x-correlation-id", "id"),
            ("authorization", "Bearer 0123456789"),
            ("accept-encoding", "identity"),
            ("user-agent", "test/1"),
        ] {
            assert_eq!(values(&request, name), [value]);
        }
        assert!(values(&request, "idempotency-key").is_empty());
    }

    #[test]
    fn a_call_of_the_node_stays_behind_the_base_url_and_carries_the_credential_only_if_asked() {
        for credential in [false, true] {
            let request = prepared(&Call {
                plane: Plane::Node { credential },
                ..call("GET", "/healthz")
            })
            .unwrap();
            assert_eq!(request.target, "/ron/healthz");
            assert_eq!(
                values(&request, "authorization").len(),
                usize::from(credential)
            );
        }
        for path in [
            "/../x",
            "//evil.example",
            "/%2e%2e/x",
            "http://evil.example",
        ] {
            let call = Call {
                plane: Plane::Node { credential: false },
                ..call("GET", path)
            };
            assert!(prepared(&call).is_err(), "{path}");
        }
    }

    #[test]
    fn what_goes_to_the_store_of_a_node_has_no_content_coding() {
        let coded = |plane, path| {
            prepared(&Call {
                plane,
                headers: vec![("Content-Encoding".to_owned(), b"gzip".to_vec())],
                ..call("PUT", path)
            })
        };
        for credential in [true, false] {
            let error = coded(Plane::Node { credential }, "/v1/kv/bucket/key").unwrap_err();
            assert_eq!(error.code, "reserved_header");
            assert!(error.message.contains("content-encoding"));
        }
        assert!(coded(Plane::Node { credential: true }, "/v1/other").is_ok());
        assert!(coded(Plane::App, "/v1/kv/bucket/key").is_ok());
    }

    #[test]
    fn micronodes_and_their_facets_get_the_scheme_that_they_know() {
        for (path, authorization) in [
            ("/v1/kv/bucket/key", "Macro 0123456789"),
            ("/facets/users/list?all", "Macro 0123456789"),
            ("/v1/kvx", "Bearer 0123456789"),
            ("/facets", "Bearer 0123456789"),
            ("/app/facets/users", "Bearer 0123456789"),
        ] {
            let request = prepared(&Call {
                plane: Plane::Node { credential: true },
                ..call("GET", path)
            })
            .unwrap();
            assert_eq!(values(&request, "authorization"), [authorization], "{path}");
        }
        let request = prepared(&call("GET", "/facets/users")).unwrap();
        assert_eq!(values(&request, "authorization"), ["Bearer 0123456789"]);
    }

    #[test]
    fn a_callers_field_replaces_the_clients_own_and_its_repetitions_stay() {
        let request = prepared(&Call {
            headers: vec![
                ("Accept".to_owned(), b"text/plain".to_vec()),
                ("accept".to_owned(), b"text/html".to_vec()),
                ("X-Request-Id".to_owned(), b"mine".to_vec()),
            ],
            ..call("GET", "/x")
        })
        .unwrap();
        assert_eq!(values(&request, "accept"), ["text/plain", "text/html"]);
        assert_eq!(values(&request, "x-correlation-id"), ["mine"]);
        assert_eq!(request.request_id, "mine");
    }

    #[test]
    fn idempotency_keys_are_made_or_checked() {
        let with = |idempotency| {
            prepared(&Call {
                idempotency,
                ..call("POST", "/x")
            })
        };
        let made = with(Idempotency::Generated).unwrap();
        assert_eq!(values(&made, "idempotency-key"), ["key"]);
        let given = with(Idempotency::Key("order-17".to_owned())).unwrap();
        assert_eq!(values(&given, "idempotency-key"), ["order-17"]);
        let in_headers = |idempotency, keys: &[&str]| {
            let field = |key: &&str| ("Idempotency-Key".to_owned(), key.as_bytes().to_vec());
            prepared(&Call {
                idempotency,
                headers: keys.iter().map(field).collect(),
                ..call("POST", "/x")
            })
        };
        let own = in_headers(Idempotency::None, &["order-17"]).unwrap();
        assert_eq!(values(&own, "idempotency-key"), ["order-17"]);
        assert!(in_headers(Idempotency::None, &[&"x".repeat(65)]).is_err());
        assert!(in_headers(Idempotency::None, &["a", "b"]).is_err());
        assert!(in_headers(Idempotency::Generated, &["a"]).is_err());
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(with(Idempotency::Key(bad.to_owned())).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused_with_both_numbers() {
        let error = prepared(&Call {
            content_length: Some(5_000_000),
            ..call("POST", "/x")
        })
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(error.message.contains("5000000") && error.message.contains("1048576"));
    }

    #[test]
    fn more_retries_than_the_limit_are_refused_with_it() {
        let with = |retries| Call {
            retries: Some(retries),
            ..call("GET", "/x")
        };
        assert_eq!(prepared(&with(100)).unwrap().retries, 100);
        let error = prepared(&with(101)).unwrap_err();
        assert_eq!(error.code, "invalid_retries");
        assert_eq!(error.message, "retries is 101; give at most 100");
    }

    #[test]
    fn a_target_over_the_limit_is_refused() {
        let long = "/".repeat(2) + &"x".repeat(MAX_TARGET_BYTES as usize);
        let error = prepared(&call("GET", &long[1..])).unwrap_err();
        assert_eq!(error.code, "request_target_too_large");
        let query = vec![("q".to_owned(), "é".repeat(20_000))];
        let error = prepared(&Call {
            query,
            ..call("GET", "/x")
        })
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }

    proptest! {
        /// Whatever a caller gives, either an error says why not or the request is well-formed.
        #[test]
        fn a_request_is_well_formed_or_refused(
            method in "\\PC{0,6}|GET",
            path in ".{0,20}",
            name in "[a-zA-Z-]{1,10}|.{0,6}",
            value in ".{0,10}",
        ) {
            let call = Call {
                query: vec![(name.clone(), value.clone())],
                headers: vec![(name, value.into_bytes())],
                ..call(&method, &path)
            };
            if let Ok(request) = prepared(&call) {
                prop_assert!(request.target.starts_with("/ron/app"));
                prop_assert!(request.target.bytes().all(|b| b.is_ascii_graphic()));
                for (name, value) in &request.headers {
                    prop_assert!(header::is_token(name));
                    prop_assert!(value.iter().all(|b| *b == b'\t' || (b' '..0x7f).contains(b)));
                }
                prop_assert_eq!(values(&request, "authorization").len(), 1);
            }
        }
    }
}
