//! The messages of `docs/abi.md`, by the names and in the order of their fields.
//!
//! The bridge reads and writes them field by field, so there are no types of it to derive from. Tests
//! hold these to the component: every message that they allow is taken apart by it, what it misses when
//! one is cut short has the name that stands here, and every output of it is one of these.

#![allow(
    dead_code,
    reason = "the types are there for their schemas; no value is made"
)]

use ron_core::error::{ErrorKind, Phase};
use ron_core::problem::Problem;
use ron_core::retry::Backoff;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::fields::{
    Bytes, Entropy, Escaped, Flag, Id, IdOrNone, Latin1, Name, Number, Small, Status, Text,
    Written, optional, ordered,
};

/// What crosses between a host and `ron_host.wasm`: an input of one of its exports, or an output. On
/// the wire a message is a sequence of fields, each ended by NUL (docs/abi.md, Framing). The object's
/// members are its fields, in the order that `x-fields` gives; `x-field` says what a member is there:
/// `number` and `text` are one field, empty for null; `escaped` text stands for any text; `json` is a
/// text of JSON; `block` is a count and then the fields of each entry, or the name and the value of each
/// member; `items` are the fields of each entry up to the end; `bytes` is what follows the last field,
/// without an end. A member without `x-field` is an object whose fields stand in its place. `export` is
/// the function that is called and no field. `abi-version` has no fields either way: it answers `1`.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Message {
    /// To the component.
    Input(Input),
    /// From the component.
    Output(Output),
}

/// An input, by the export that takes it.
#[derive(JsonSchema)]
#[schemars(
    tag = "export",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    transform = framed("docs/abi.md, Exports")
)]
pub enum Input {
    /// Opens a root session.
    Open {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// Fresh randomness, never given twice: 32 bytes in hexadecimal.
        entropy: Entropy,
        /// The id of the new session.
        session: Id,
        /// What it is configured with.
        #[schemars(extend("x-field" = "block"))]
        settings: Settings,
    },
    /// Opens a session that shares what its parent has.
    Derive {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// The id of the session to derive from.
        parent: Id,
        /// The id of the new session.
        session: Id,
        /// What it does otherwise.
        #[schemars(extend("x-field" = "block"))]
        settings: DerivedSettings,
    },
    /// Begins a call or a stream.
    Begin {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// The session to use.
        session: Id,
        /// The id of the new call.
        call: Id,
        /// The method (RFC 9110, section 9).
        method: Text,
        /// The path, perhaps with a query.
        path: Text,
        /// The size of the body that the host holds, in bytes; null without a body.
        body_length: Option<Number>,
        /// How it is done.
        #[schemars(extend("x-field" = "block"))]
        options: Options,
        /// Parameters behind the path's own.
        #[schemars(extend("x-field" = "block"))]
        query: Vec<(Text, Text)>,
        /// Fields of the request.
        #[schemars(extend("x-field" = "block"))]
        headers: Vec<(Text, Latin1)>,
    },
    /// Tells what has happened.
    Feed {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// The call that it happened to; 0 for none.
        call: IdOrNone,
        /// What has happened.
        event: Event,
    },
    /// Drops a call.
    Cancel {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// The call.
        call: IdOrNone,
    },
    /// Closes a session and ends its calls.
    Close {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
        /// The session.
        session: IdOrNone,
    },
    /// Asks what the instance holds.
    Stats {
        /// The monotonic clock in nanoseconds.
        mono: Number,
        /// The wall clock since 1970 in nanoseconds.
        wall: Number,
    },
}

/// The settings of a root session. Those that are absent take the defaults of `docs/defaults.md`.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    transform = optional,
    transform = one_credential,
    transform = closed("docs/abi.md, Settings of `open` and `derive`")
)]
pub struct Settings {
    /// The gateway.
    base_url: Text,
    /// Whether plain http may go to any host.
    allow_insecure_http: Flag,
    /// A credential, its scheme that of the path.
    token: Text,
    /// A credential, its scheme learned from the server.
    macaroon: Text,
    /// Whether the host is asked for tokens by `credential` items.
    token_provider: Flag,
    /// Sent as `x-ron-passport` wherever the credential is.
    passport: Text,
    /// The `User-Agent`.
    user_agent: Text,
    /// For a whole call, in nanoseconds.
    overall_timeout: Number,
    /// To connect, in nanoseconds.
    connect_timeout: Number,
    /// For the server's silence, in nanoseconds.
    read_timeout: Number,
    /// For a server that takes no bytes, in nanoseconds.
    write_timeout: Number,
    /// Exchanges under way at once.
    max_concurrency: Small,
    /// Calls waiting for a place.
    max_queue: Small,
    /// Largest request body in bytes.
    max_request_bytes: Number,
    /// Attempts after the first.
    retries: Small,
    /// How the waits between attempts grow.
    #[schemars(extend("x-field" = "text"))]
    backoff: Backoff,
    /// Whether `timeline` items are wanted.
    timeline: Flag,
}

/// The settings of a derived session. Those that are absent are its parent's.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    transform = optional,
    transform = one_credential,
    transform = closed("docs/abi.md, Settings of `open` and `derive`")
)]
pub struct DerivedSettings {
    /// A credential, its scheme that of the path.
    token: Text,
    /// A credential, its scheme learned from the server.
    macaroon: Text,
    /// Whether the host is asked for tokens by `credential` items.
    token_provider: Flag,
    /// Whether no passport is sent, since the credential is another's.
    without_passport: Flag,
    /// When the right of the session ends: the wall clock since 1970 in nanoseconds.
    caveat_expires_at: Number,
    /// The methods that are left, with commas between them.
    #[schemars(regex(pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+(,[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$"))]
    caveat_methods: Text,
    /// The path of the app plane in which all requests lie.
    caveat_path_prefix: Text,
    /// Largest request content in bytes.
    caveat_max_bytes: Number,
    /// For a whole call, in nanoseconds.
    overall_timeout: Number,
    /// To connect, in nanoseconds.
    connect_timeout: Number,
    /// For the server's silence, in nanoseconds.
    read_timeout: Number,
    /// For a server that takes no bytes, in nanoseconds.
    write_timeout: Number,
    /// Largest request body in bytes.
    max_request_bytes: Number,
    /// Attempts after the first.
    retries: Small,
    /// How the waits between attempts grow.
    #[schemars(extend("x-field" = "text"))]
    backoff: Backoff,
}

/// The options of a call, and of a stream if `stream` is among them.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    transform = optional,
    transform = for_streams,
    transform = closed("docs/abi.md, Options of `begin`")
)]
pub struct Options {
    /// For the call from now on, or for each connection of a stream until its answer begins, in
    /// nanoseconds.
    timeout: Number,
    /// Sent as given.
    idempotency_key: Text,
    /// Whether a key is made.
    idempotent: Flag,
    /// What a key is derived from.
    idempotency_name: Text,
    /// Attempts after the first; refused for streams.
    retries: Small,
    /// For a path behind the base URL: whether the credential is sent.
    #[schemars(extend("x-field" = "text"))]
    node: Credential,
    /// The `log` items that are wanted from now on.
    #[schemars(extend("x-field" = "text"))]
    log_level: LogLevel,
    /// Makes it a stream (docs/abi.md, Streams).
    #[schemars(extend("x-field" = "text"))]
    stream: StreamKind,
    /// The id of the last event that the host has (docs/abi.md, Streams).
    last_event_id: Text,
    /// Whether a lost connection is made again (docs/abi.md, Streams).
    reconnect: Flag,
    /// The scale of the waits before that, in nanoseconds (docs/abi.md, Streams).
    reconnect_delay: Number,
    /// How long to try in vain, in nanoseconds; 0 for ever (docs/abi.md, Streams).
    reconnect_timeout: Number,
    /// How many connections in a row may be tried in vain (docs/abi.md, Streams).
    max_reconnects: Small,
    /// How long the server may be silent, in nanoseconds; 0 for ever (docs/abi.md, Streams).
    idle_timeout: Number,
    /// When the subscription ends, in nanoseconds (docs/abi.md, Streams).
    max_duration: Number,
    /// After how many events it ends (docs/abi.md, Streams).
    max_events: Number,
    /// The longest line in bytes (docs/abi.md, Streams).
    max_line_bytes: Number,
    /// The largest event in bytes (docs/abi.md, Streams).
    max_event_bytes: Number,
    /// Whether comments are wanted (docs/abi.md, Streams).
    comments: Flag,
    /// Whether heartbeats are dropped (docs/abi.md, Streams).
    drop_heartbeats: Flag,
}

/// Whether the credential is sent.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Credential {
    /// It is not.
    Omit,
    /// It is.
    Include,
}

/// How much a `log` item weighs.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something went wrong.
    Warn,
    /// A call has ended.
    Info,
    /// Everything else.
    Debug,
}

/// What sort of stream.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum StreamKind {
    /// An event stream.
    Events,
}

/// An event of `feed`.
#[derive(JsonSchema)]
#[schemars(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    transform = framed("docs/abi.md, Events of `feed`")
)]
pub enum Event {
    /// The monotonic clock has reached `wake-at`.
    Tick {},
    /// The head of the final answer is here.
    Response {
        /// The exchange that it answers.
        exchange: Id,
        /// The status code (RFC 9110, section 15).
        status: Status,
        /// The header section.
        #[schemars(extend("x-field" = "block"))]
        headers: Vec<(Text, Latin1)>,
    },
    /// Bytes that a `read` asked for.
    Data {
        /// The exchange whose body it is.
        exchange: Id,
        /// `1` if the body ends with these bytes.
        #[schemars(extend("x-field" = "text"))]
        end: End,
        /// The bytes, each a code point.
        bytes: Bytes,
    },
    /// Another connection of this stream is wanted.
    Restart {},
    /// The token that a `credential` asked for.
    Credential {
        /// The token.
        token: Text,
        /// How long it is good for, in nanoseconds; until it is refused if null.
        lifetime: Option<Number>,
    },
    /// There is none.
    NoCredential {
        /// Why, without secrets.
        message: Text,
    },
    /// The exchange failed.
    Failure {
        /// The exchange.
        exchange: Id,
        /// A case of `wasi:http/types.error-code`.
        error_code: Name,
        /// Text without secrets, of which the code's payload is made.
        detail: Text,
    },
}

/// Whether a body ends.
#[derive(JsonSchema)]
pub enum End {
    /// It goes on.
    #[schemars(rename = "0")]
    No,
    /// It ends.
    #[schemars(rename = "1")]
    Yes,
}

/// Why a token is wanted.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum WantReason {
    /// There is none yet.
    Missing,
    /// The last one's lifetime is over.
    Expired,
    /// The server has refused the last one.
    Refused,
}

/// What an export answers.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", transform = framed("docs/abi.md, Output"))]
pub struct Output {
    /// The monotonic time by which a `tick` is wanted, in nanoseconds.
    wake_at: Option<Written>,
    /// What the host must do, in order.
    #[schemars(extend("x-field" = "items"))]
    items: Vec<Item>,
}

/// An item of an output.
#[derive(JsonSchema)]
#[schemars(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    transform = framed("docs/abi.md, Output")
)]
pub enum Item {
    /// Send this request.
    Send {
        /// The call.
        call: IdOrNone,
        /// The id of the exchange.
        exchange: Id,
        /// The method (RFC 9110, section 9).
        method: Text,
        /// Absolute and encoded.
        url: Text,
        /// To connect, in nanoseconds.
        connect_timeout: Option<Written>,
        /// To the first byte of the answer, in nanoseconds.
        first_byte_timeout: Option<Written>,
        /// Between bytes of the answer, in nanoseconds.
        between_bytes_timeout: Option<Written>,
        /// The header section but for `Host`, `Content-Length` and `Connection`.
        #[schemars(extend("x-field" = "block"))]
        headers: Vec<(Text, Latin1)>,
        /// The body's segments; null without a body.
        #[schemars(extend("x-field" = "block"))]
        body: Option<Vec<(SegmentKind, Text)>>,
    },
    /// Close the exchange.
    Abort {
        /// The call.
        call: IdOrNone,
        /// The exchange.
        exchange: Id,
    },
    /// Read from the body.
    Read {
        /// The call.
        call: IdOrNone,
        /// The exchange.
        exchange: Id,
        /// The most bytes that are wanted.
        max: Written,
    },
    /// The call has an answer.
    Done {
        /// The call.
        call: IdOrNone,
        /// The exchange whose response it is; null for a stream.
        exchange: Option<Id>,
        /// How many requests were sent.
        attempts: Small,
        /// The `X-Request-Id` of the call; empty for a stream.
        request_id: Text,
    },
    /// The call, or opening a session, failed.
    Error {
        /// The call; 0 for a session, or for a message that is none.
        call: IdOrNone,
        /// What sort of thing went wrong (docs/errors.md).
        #[schemars(extend("x-field" = "text"))]
        error_kind: FailureKind,
        /// What is known of it.
        #[schemars(extend("x-field" = "json"))]
        json: Report,
    },
    /// The session is open.
    Opened {
        /// No call: 0.
        call: IdOrNone,
        /// The session.
        session: Id,
    },
    /// Give a token for the session of this call.
    Credential {
        /// The call.
        call: IdOrNone,
        /// Why.
        #[schemars(extend("x-field" = "text"))]
        reason: WantReason,
    },
    /// What the instance holds.
    Stats {
        /// No call: 0.
        call: IdOrNone,
        /// Counts by their names.
        #[schemars(extend("x-field" = "block"), with = "Vec<(Text, Written)>")]
        counts: Vec<(Text, Written)>,
    },
    /// What a call tells of itself.
    Log {
        /// The call, which may be over.
        call: IdOrNone,
        /// How much it weighs.
        #[schemars(extend("x-field" = "text"))]
        level: LogLevel,
        /// What has happened.
        message: Text,
        /// More of it.
        #[schemars(extend("x-field" = "block"))]
        fields: Vec<(Text, Text)>,
    },
    /// The requests that were sent for the call that ends with the next item.
    Timeline {
        /// The call.
        call: IdOrNone,
        /// Why there was no other; empty if the last one brought the answer.
        stopped: Text,
        /// Each of them.
        #[schemars(extend("x-field" = "block"))]
        attempts: Vec<Attempt>,
    },
    /// The stream is open.
    Connected {
        /// The call.
        call: IdOrNone,
        /// The same on every connection (docs/abi.md, Streams).
        request_id: Text,
        /// Whether something on the way holds answers back (docs/abi.md, Streams).
        buffered: Flag,
    },
    /// Events of a stream.
    Events {
        /// The call.
        call: IdOrNone,
        /// The last event id behind all messages (docs/abi.md, Streams).
        last_event_id: Escaped,
        /// How many were dropped since the last `events` as told before (docs/abi.md, Streams).
        duplicates: Written,
        /// How many heartbeats were dropped since (docs/abi.md, Streams).
        heartbeats: Written,
        /// The events and comments.
        #[schemars(extend("x-field" = "block"))]
        messages: Vec<StreamMessage>,
    },
    /// The connection of a stream ended, or none could be made.
    Lost {
        /// The call.
        call: IdOrNone,
        /// The time until the next one, in nanoseconds; null if there is none (docs/abi.md, Streams).
        wait: Option<Written>,
        /// Whether something on the way holds answers back (docs/abi.md, Streams).
        buffered: Flag,
        /// What sort of thing went wrong (docs/errors.md).
        #[schemars(extend("x-field" = "text"))]
        error_kind: FailureKind,
        /// What is known of it.
        #[schemars(extend("x-field" = "json"))]
        json: Report,
    },
    /// The clocks and randomness are wanted: of `wait` only.
    Start {
        /// The call.
        call: IdOrNone,
    },
}

/// Where a segment's bytes are.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum SegmentKind {
    /// With the host: their number follows.
    Held,
    /// Here, in hexadecimal.
    Bytes,
}

/// The kind of an error: those of `core`, and that of a message that is none.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum FailureKind {
    /// Of a call or a session.
    Known(ErrorKind),
    /// Of a message.
    Malformed(AbiKind),
}

/// The kind of error that only the bridge has.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum AbiKind {
    /// The message does not have the fields that it must have.
    Abi,
}

/// What is known of an error. One of kind `abi` has only `code` and `message`.
#[derive(JsonSchema)]
#[schemars(transform = optional_but_text, transform = closed("docs/abi.md, Output"))]
pub struct Report {
    /// A name for it, an open set.
    code: String,
    /// A sentence that names the input and the mend.
    message: String,
    /// Which time-out passed.
    phase: Option<Phase>,
    /// How many requests were sent.
    attempts: u32,
    /// The `X-Request-Id` of the call, if it got that far.
    request_id: Option<String>,
    /// The server's answer.
    problem: Option<Problem>,
}

/// One request that was sent for a call.
#[derive(JsonSchema)]
#[schemars(transform = framed("docs/abi.md, Output"))]
pub struct Attempt {
    /// When it began, in nanoseconds from the call's start.
    start: Written,
    /// How long it took, in nanoseconds.
    duration: Written,
    /// The status of its answer.
    status: Option<Status>,
    /// The code of its error; empty if it has none.
    code: Text,
    /// The wait after it, in nanoseconds.
    wait: Option<Written>,
}

/// An event or a comment of a stream.
#[derive(JsonSchema)]
#[schemars(transform = framed("docs/abi.md, Streams"))]
pub struct StreamMessage {
    /// The event's type; empty for a comment.
    r#type: Escaped,
    /// Its data, or the comment.
    data: Escaped,
    /// The last event id at it. A field of U+001A and `=` stands for that of the event before.
    id: Escaped,
    /// The reconnection time that it set, in milliseconds.
    retry: Option<Written>,
}

/// An object of fields, or several of which it is one: the order, the source, and no other members.
fn framed(source: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        if schema.get("properties").is_some() {
            ordered(schema);
            closed(source)(schema);
        }
        each_variant(schema, |variant| {
            ordered(variant);
            closed(source)(variant);
        });
    }
}

fn each_variant(schema: &mut Schema, mut f: impl FnMut(&mut Schema)) {
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for variant in variants.into_iter().flatten() {
        if let Ok(variant) = variant.try_into() {
            f(variant);
        }
    }
}

/// No other members, and each says where it comes from.
fn closed(source: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        schema.insert("additionalProperties".to_owned(), false.into());
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for property in properties
            .into_iter()
            .flatten()
            .map(|(_, property)| property)
        {
            let text = property["description"]
                .as_str()
                .unwrap_or("Which one it is.");
            if ["docs/", "RFC "].iter().all(|cited| !text.contains(cited)) {
                let text = text.strip_suffix('.').unwrap_or(text);
                property["description"] = format!("{text} ({source}).").into();
            }
        }
    }
}

/// At most one credential.
fn one_credential(schema: &mut Schema) {
    let given = |name: &str| json!({"required": [name]});
    let provided = json!({
        "required": ["token-provider"],
        "properties": {"token-provider": {"const": true}},
    });
    let both = |one: &Value, other: &Value| json!({"allOf": [one, other]});
    let (token, macaroon) = (given("token"), given("macaroon"));
    schema.insert(
        "not".to_owned(),
        json!({"anyOf": [
            both(&token, &macaroon),
            both(&token, &provided),
            both(&macaroon, &provided),
        ]}),
    );
}

/// The options behind `stream` are for streams.
fn for_streams(schema: &mut Schema) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = properties
        .into_iter()
        .flat_map(|properties| properties.keys());
    let of_streams = names.skip_while(|name| *name != "stream").skip(1);
    let demands: serde_json::Map<String, Value> = of_streams
        .map(|name| (name.clone(), vec!["stream"].into()))
        .collect();
    schema.insert("dependentRequired".to_owned(), demands.into());
}

fn optional_but_text(schema: &mut Schema) {
    schema.insert("required".to_owned(), vec!["code", "message"].into());
}
