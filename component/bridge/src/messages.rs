//! The messages of `docs/abi.md` that this component reads and writes.

use ron_abi::{Malformed, NO_CALL, Reader, Writer, from_latin1, number};

use crate::wit::ron::app::admin::{
    self, Backoff, Caveats, Configuration, Overrides, ProvidedToken,
};
use crate::wit::ron::app::driver::{self, LogEvent, LogLevel, Want, WantReason};
use crate::wit::ron::app::events::{Options, Update};
use crate::wit::ron::app::node::Credential;
use crate::wit::ron::app::types::{
    Attempt, Error, ErrorKind, Field, Idempotency, Phase, Problem, QueryParameter, Request, Stopped,
};

/// The event `data` of `feed`.
pub struct Data<'a> {
    /// The exchange.
    pub exchange: u64,
    /// Whether the body ends with it.
    pub end: bool,
    /// The bytes as latin-1.
    pub text: &'a str,
}

impl<'a> Data<'a> {
    /// Reads it, from behind its name.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            exchange: reader.number("exchange")?,
            end: match reader.text("end")? {
                "0" => false,
                "1" => true,
                _ => return Err(Malformed::new("the field end is neither 0 nor 1")),
            },
            text: reader.take_rest(),
        })
    }
}

/// Input of `open`.
pub struct Open {
    /// Randomness in hexadecimal.
    pub entropy: String,
    /// The id of the session.
    pub session: u64,
    /// What it is configured with.
    pub configuration: Configuration,
    /// Whether the host wants timelines.
    pub timeline: bool,
}

impl Open {
    /// Reads it.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let entropy = reader.text("entropy")?.to_owned();
        let session = reader.number("session")?;
        let mut configuration = Configuration {
            base_url: String::new(),
            allow_insecure_http: false,
            credential: admin::Credential::None,
            passport: None,
            user_agent: None,
            overall_timeout: None,
            connect_timeout: None,
            read_timeout: None,
            write_timeout: None,
            max_concurrency: None,
            max_queue: None,
            max_request_bytes: None,
            retries: None,
            backoff: None,
        };
        let mut timeline = false;
        let mut credential = None;
        for (name, value) in reader.block("settings")? {
            let given = &mut configuration;
            match name {
                _ if read_credential(name, value, &mut credential)? => {}
                "base-url" => given.base_url = value.to_owned(),
                "allow-insecure-http" => given.allow_insecure_http = flag(name, value)?,
                "passport" => given.passport = Some(value.to_owned()),
                "user-agent" => given.user_agent = Some(value.to_owned()),
                "overall-timeout" => given.overall_timeout = Some(number(name, value)?),
                "connect-timeout" => given.connect_timeout = Some(number(name, value)?),
                "read-timeout" => given.read_timeout = Some(number(name, value)?),
                "write-timeout" => given.write_timeout = Some(number(name, value)?),
                "max-concurrency" => given.max_concurrency = Some(small(name, value)?),
                "max-queue" => given.max_queue = Some(small(name, value)?),
                "max-request-bytes" => given.max_request_bytes = Some(number(name, value)?),
                "retries" => given.retries = Some(small(name, value)?),
                "backoff" => given.backoff = Some(backoff(value)?),
                "timeline" => timeline = flag(name, value)?,
                _ => return Err(unknown("setting", name)),
            }
        }
        reader.end()?;
        configuration.credential = credential.unwrap_or(admin::Credential::None);
        Ok(Self {
            entropy,
            session,
            configuration,
            timeline,
        })
    }
}

/// Input of `derive`.
pub struct Derive {
    /// The session to derive from.
    pub parent: u64,
    /// The id of the new one.
    pub session: u64,
    /// What it does otherwise.
    pub overrides: Overrides,
}

impl Derive {
    /// Reads it.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let parent = reader.number("parent")?;
        let session = reader.number("session")?;
        let mut overrides = Overrides {
            credential: None,
            without_passport: false,
            caveats: Caveats {
                expires_at: None,
                methods: None,
                path_prefix: None,
                max_bytes: None,
            },
            overall_timeout: None,
            connect_timeout: None,
            read_timeout: None,
            write_timeout: None,
            max_request_bytes: None,
            retries: None,
            backoff: None,
        };
        for (name, value) in reader.block("settings")? {
            let given = &mut overrides;
            match name {
                _ if read_credential(name, value, &mut given.credential)? => {}
                "without-passport" => given.without_passport = flag(name, value)?,
                "caveat-expires-at" => given.caveats.expires_at = Some(number(name, value)?),
                "caveat-methods" => {
                    let methods = value.split(',').map(str::to_owned);
                    given.caveats.methods = Some(methods.collect());
                }
                "caveat-path-prefix" => given.caveats.path_prefix = Some(value.to_owned()),
                "caveat-max-bytes" => given.caveats.max_bytes = Some(number(name, value)?),
                "overall-timeout" => given.overall_timeout = Some(number(name, value)?),
                "connect-timeout" => given.connect_timeout = Some(number(name, value)?),
                "read-timeout" => given.read_timeout = Some(number(name, value)?),
                "write-timeout" => given.write_timeout = Some(number(name, value)?),
                "max-request-bytes" => given.max_request_bytes = Some(number(name, value)?),
                "retries" => given.retries = Some(small(name, value)?),
                "backoff" => given.backoff = Some(backoff(value)?),
                _ => return Err(unknown("setting of a derived session", name)),
            }
        }
        reader.end()?;
        Ok(Self {
            parent,
            session,
            overrides,
        })
    }
}

/// Input of `begin`.
pub struct Begin {
    /// The session to use.
    pub session: u64,
    /// The id of the call.
    pub call: u64,
    /// What is asked for; its body is added later.
    pub request: Request,
    /// The size of the body that the host holds.
    pub body_length: Option<u64>,
    /// For a call of the node instead of the app plane: whether it carries the credential.
    pub node: Option<Credential>,
    /// Which events the host wants to hear from now on.
    pub log_level: Option<LogLevel>,
    /// For a stream instead of a call: its options.
    pub stream: Option<Options>,
}

impl Begin {
    /// Reads it.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let session = reader.number("session")?;
        let call = reader.number("call")?;
        let method = reader.text("method")?.to_owned();
        let path = reader.text("path")?.to_owned();
        let body_length = reader.optional_number("body-length")?;
        let mut timeout = None;
        let mut idempotency = Idempotency::None;
        let mut retries = None;
        let mut node = None;
        let mut log_level = None;
        let mut stream = Stream::default();
        for (name, value) in reader.block("options")? {
            match name {
                _ if stream.read(name, value)? => {}
                "timeout" => timeout = Some(number(name, value)?),
                "idempotency-key" => idempotency = Idempotency::Key(value.to_owned()),
                "idempotency-name" => idempotency = Idempotency::Derived(value.to_owned()),
                "idempotent" if flag(name, value)? => idempotency = Idempotency::Generated,
                "idempotent" => {}
                "retries" => retries = Some(small(name, value)?),
                "node" => {
                    node = Some(match value {
                        "omit" => Credential::Omit,
                        "include" => Credential::Include,
                        _ => return Err(Malformed::new("node is neither omit nor include")),
                    });
                }
                "log-level" => {
                    log_level = Some(match value {
                        "warn" => LogLevel::Warn,
                        "info" => LogLevel::Info,
                        "debug" => LogLevel::Debug,
                        _ => return Err(Malformed::new("log-level is no level")),
                    });
                }
                _ => return Err(unknown("option", name)),
            }
        }
        let query = reader.block("query")?.into_iter();
        let query = query
            .map(|(name, value)| QueryParameter {
                name: name.to_owned(),
                value: value.to_owned(),
            })
            .collect();
        let headers = reader.block("headers")?.into_iter();
        let headers = headers
            .map(|(name, value)| {
                Ok(Field {
                    name: name.to_owned(),
                    value: from_latin1("header value", value)?,
                })
            })
            .collect::<Result<_, Malformed>>()?;
        reader.end()?;
        Ok(Self {
            session,
            call,
            request: Request {
                method,
                path,
                query,
                headers,
                body: None,
                timeout,
                idempotency,
                retries,
            },
            body_length,
            node,
            log_level,
            stream: stream.options()?,
        })
    }
}

/// The options of a stream, as they are read.
struct Stream {
    is_wanted: bool,
    /// One that was given, which only a stream can have.
    given: Option<String>,
    options: Options,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            is_wanted: false,
            given: None,
            options: Options {
                last_event_id: String::new(),
                reconnect: true,
                reconnect_delay: None,
                reconnect_timeout: None,
                max_reconnects: None,
                idle_timeout: None,
                max_duration: None,
                max_events: None,
                max_line_bytes: None,
                max_event_bytes: None,
                comments: false,
                drop_heartbeats: false,
            },
        }
    }
}

impl Stream {
    /// Reads an option; false if it is none of a stream.
    fn read(&mut self, name: &str, value: &str) -> Result<bool, Malformed> {
        let given = &mut self.options;
        match name {
            "stream" if value == "events" => {
                self.is_wanted = true;
                return Ok(true);
            }
            "stream" => return Err(Malformed::new("stream is not events")),
            "last-event-id" => given.last_event_id = value.to_owned(),
            "reconnect" => given.reconnect = flag(name, value)?,
            "reconnect-delay" => given.reconnect_delay = Some(number(name, value)?),
            "reconnect-timeout" => given.reconnect_timeout = Some(number(name, value)?),
            "max-reconnects" => given.max_reconnects = Some(small(name, value)?),
            "idle-timeout" => given.idle_timeout = Some(number(name, value)?),
            "max-duration" => given.max_duration = Some(number(name, value)?),
            "max-events" => given.max_events = Some(number(name, value)?),
            "max-line-bytes" => given.max_line_bytes = Some(number(name, value)?),
            "max-event-bytes" => given.max_event_bytes = Some(number(name, value)?),
            "comments" => given.comments = flag(name, value)?,
            "drop-heartbeats" => given.drop_heartbeats = flag(name, value)?,
            _ => return Ok(false),
        }
        self.given = Some(name.to_owned());
        Ok(true)
    }

    fn options(self) -> Result<Option<Options>, Malformed> {
        match self.given {
            Some(name) if !self.is_wanted => Err(Malformed::new(
                ["the option ", &name, " is for streams"].concat(),
            )),
            _ => Ok(self.is_wanted.then_some(self.options)),
        }
    }
}

/// Reads a setting of the credential; false if it is another.
fn read_credential(
    name: &str,
    value: &str,
    credential: &mut Option<admin::Credential>,
) -> Result<bool, Malformed> {
    let given = match name {
        "token" => admin::Credential::Token(value.to_owned()),
        "macaroon" => admin::Credential::Macaroon(value.to_owned()),
        "token-provider" if flag(name, value)? => admin::Credential::Provided,
        "token-provider" => return Ok(true),
        _ => return Ok(false),
    };
    match credential.replace(given) {
        None => Ok(true),
        Some(_) => Err(Malformed::new("there is more than one credential")),
    }
}

/// The answer to a `credential`: an event of a call.
pub fn provided(event: &str) -> Result<Option<Result<ProvidedToken, String>>, Malformed> {
    let mut reader = Reader::new(event);
    let provided = match reader.text("event")? {
        "credential" => Ok(ProvidedToken {
            token: reader.text("token")?.to_owned(),
            lifetime: reader.optional_number("lifetime")?,
        }),
        "no-credential" => Err(reader.text("message")?.to_owned()),
        _ => return Ok(None),
    };
    reader.end()?;
    Ok(Some(provided))
}

/// Writes a `credential`.
pub fn want(out: &mut Writer, want: &Want) {
    out.number(want.token);
    out.text("credential");
    out.text(match want.reason {
        WantReason::Missing => "missing",
        WantReason::Expired => "expired",
        WantReason::Refused => "refused",
    });
}

fn flag(name: &str, value: &str) -> Result<bool, Malformed> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Malformed::new(format!("{name} is neither true nor false"))),
    }
}

fn backoff(value: &str) -> Result<Backoff, Malformed> {
    match value {
        "exponential" => Ok(Backoff::Exponential),
        "linear" => Ok(Backoff::Linear),
        _ => Err(Malformed::new("backoff is neither exponential nor linear")),
    }
}

fn small(name: &str, value: &str) -> Result<u32, Malformed> {
    u32::try_from(number(name, value)?)
        .map_err(|_| Malformed::new(format!("{name} is larger than {}", u32::MAX)))
}

fn unknown(what: &str, name: &str) -> Malformed {
    Malformed::new(["there is no ", what, " ", name].concat())
}

/// Puts `wake-at` in front of the items.
pub fn output(items: &mut Writer) -> String {
    let mut wake_at = Writer::default();
    wake_at.optional_number(driver::wake_at());
    let mut output = items.take();
    // In place: a batch of events may be large.
    output.insert_str(0, &wake_at.take());
    output
}

/// Writes `opened`.
pub fn opened(out: &mut Writer, session: u64) {
    out.number(NO_CALL);
    out.text("opened");
    out.number(session);
}

/// What `done` tells.
pub struct Done {
    /// The exchange whose body the host holds.
    pub exchange: Option<u64>,
    /// How many requests were sent.
    pub attempts: u32,
    /// The id of the call.
    pub request_id: String,
}

/// Writes `done`.
pub fn done(out: &mut Writer, call: u64, done: &Done) {
    out.number(call);
    out.text("done");
    out.optional_number(done.exchange);
    out.number(done.attempts.into());
    out.text(&done.request_id);
}

/// Writes `timeline`.
pub fn timeline(out: &mut Writer, call: u64, attempts: &[Attempt], stopped: Option<Stopped>) {
    out.number(call);
    out.text("timeline");
    out.text(stopped.map_or("", stopped_text));
    out.number(attempts.len() as u64);
    for attempt in attempts {
        out.number(attempt.start);
        out.number(attempt.duration);
        out.optional_number(attempt.status.map(u64::from));
        out.text(attempt.error.as_deref().unwrap_or_default());
        out.optional_number(attempt.wait);
    }
}

fn stopped_text(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::ServerSaidNo => "server said no",
        Stopped::NotRetryable => "not retryable",
        Stopped::NotIdempotent => "not idempotent",
        Stopped::BodyConsumed => "body consumed",
        Stopped::AttemptsUsedUp => "attempts used up",
        Stopped::WaitTooLong => "wait too long",
        Stopped::Deadline => "deadline",
        Stopped::BudgetEmpty => "budget empty",
        Stopped::QueueFull => "queue full",
        Stopped::Closed => "closed",
    }
}

/// What a batch leaves room for: a `read` after it and `wake-at` before. A large text that grows takes
/// three times its memory.
const FOLLOWING_BYTES: usize = 256;

/// Writes what a subscriber is told.
pub fn update(out: &mut Writer, call: u64, update: &Update, attempts: u32) {
    out.number(call);
    match update {
        Update::Connected(connection) => {
            out.text("connected");
            out.text(&connection.request_id);
            out.text(truth(connection.buffered));
        }
        Update::Lost(loss) => {
            out.text("lost");
            out.optional_number(loss.wait);
            out.text(truth(loss.buffered));
            report(out, &loss.error, attempts);
        }
        Update::Received(batch) => {
            out.text("events");
            let fields = batch.fields();
            out.reserve(fields.len() + FOLLOWING_BYTES);
            out.items(&fields);
        }
    }
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Writes `stats`.
pub fn stats(out: &mut Writer, counts: &[(&str, u64)]) {
    out.number(NO_CALL);
    out.text("stats");
    out.number(counts.len() as u64);
    for (name, count) in counts {
        out.text(name);
        out.number(*count);
    }
}

/// Writes a `log`.
pub fn log(out: &mut Writer, event: &LogEvent) {
    out.number(event.token);
    out.text("log");
    out.text(match event.level {
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    });
    out.text(&event.message);
    out.number(event.fields.len() as u64);
    for field in &event.fields {
        out.text(&field.name);
        out.text(&field.value);
    }
}

/// The size of this component's memory in pages of 64 KiB.
pub fn memory_pages() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size(0) as u64;
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}

/// Writes an `error` of kind `abi`.
pub fn malformed(out: &mut Writer, fault: &Malformed) {
    let mut json = Object::default();
    json.text("code", "malformed_message");
    json.text("message", &fault.to_string());
    out.number(NO_CALL);
    out.text("error");
    out.text("abi");
    out.text(&json.end());
}

/// The error of a call on a session that was closed, or never opened.
pub fn closed_session() -> Error {
    Error {
        kind: ErrorKind::Closed,
        code: "closed".to_owned(),
        message: "the client was closed; open a new one".to_owned(),
        phase: None,
        problem: None,
        timeline: Vec::new(),
        stopped: None,
        request_id: None,
    }
}

/// Writes an `error`.
pub fn error(out: &mut Writer, call: u64, error: &Error, attempts: u32) {
    out.number(call);
    out.text("error");
    report(out, error, attempts);
}

/// Writes the kind of an error and its JSON.
fn report(out: &mut Writer, error: &Error, attempts: u32) {
    let kind = match error.kind {
        ErrorKind::Request => "request",
        ErrorKind::Config => "config",
        ErrorKind::Problem => "problem",
        ErrorKind::Network => "network",
        ErrorKind::Dns => "dns",
        ErrorKind::Connect => "connect",
        ErrorKind::Tls => "tls",
        ErrorKind::Timeout => "timeout",
        ErrorKind::TooLarge => "too-large",
        ErrorKind::Overload => "overload",
        ErrorKind::Closed => "closed",
        ErrorKind::Stream => "stream",
        ErrorKind::Capability => "capability",
        ErrorKind::Credential => "credential",
    };
    let phase = error.phase.map(|phase| match phase {
        Phase::Connect => "connect",
        Phase::Read => "read",
        Phase::Write => "write",
        Phase::Overall => "overall",
    });
    let mut json = Object::default();
    json.text("code", &error.code);
    json.text("message", &error.message);
    json.optional_text("phase", phase);
    json.raw("attempts", &attempts.to_string());
    json.optional_text("request_id", error.request_id.as_deref());
    match &error.problem {
        Some(given) => json.raw("problem", &problem(given)),
        None => json.raw("problem", "null"),
    }
    out.text(kind);
    out.text(&json.end());
}

fn problem(given: &Problem) -> String {
    let mut json = Object::default();
    json.raw("status", &given.status.to_string());
    json.text("code", &given.code);
    json.text("message", &given.message);
    json.text("kind", &given.kind);
    json.text("title", &given.title);
    json.text("type", &given.type_uri);
    json.optional_text("reason", given.reason.as_deref());
    json.raw("retryable", truth(given.retryable));
    match given.retry_after_ms {
        Some(wait) => json.raw("retry_after_ms", &wait.to_string()),
        None => json.raw("retry_after_ms", "null"),
    }
    json.optional_text("correlation_id", given.correlation_id.as_deref());
    json.raw("details", given.details.as_deref().unwrap_or("null"));
    json.raw("extensions", &given.extensions);
    json.end()
}

/// A JSON object in the making, some of whose members are JSON texts already.
#[derive(Default)]
struct Object {
    members: String,
}

impl Object {
    fn raw(&mut self, name: &str, json: &str) {
        let separator = if self.members.is_empty() {
            "{\""
        } else {
            ",\""
        };
        for part in [separator, name, "\":", json] {
            self.members.push_str(part);
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &serde_json::to_string(text).unwrap_or_default());
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.raw(name, "null"),
        }
    }

    fn end(mut self) -> String {
        self.members.push('}');
        self.members
    }
}
