//! Every number that the component decides by itself. `docs/defaults.md` lists them; a test holds
//! that table to these constants.

use std::time::Duration;

/// How long a call may take, from start to the end of its answer.
pub const OVERALL_TIMEOUT: Duration = Duration::from_millis(10_000);
/// How long DNS, TCP and TLS may take together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_000);
/// How long the server may be silent, before the first byte and between bytes.
pub const READ_TIMEOUT: Duration = Duration::from_millis(7_000);
/// How long the server may take no bytes of a request.
pub const WRITE_TIMEOUT: Duration = Duration::from_millis(5_000);
/// Exchanges under way at once per root session.
pub const MAX_CONCURRENCY: u32 = 100;
/// Calls that may wait for one of those places.
pub const MAX_QUEUE: u32 = 1_000;
/// Largest request content in bytes.
pub const MAX_REQUEST_BYTES: u64 = 1024 * 1024;
/// Longest request target (path and query) in bytes.
pub const MAX_TARGET_BYTES: u64 = 64 * 1024;
/// Largest request header section in bytes.
pub const MAX_HEADER_BYTES: u64 = 64 * 1024;
/// Log events kept until the host takes them; then the oldest go.
pub const MAX_LOG_EVENTS: usize = 1_000;
/// How much of an error answer is read, in bytes.
pub const MAX_ERROR_BYTES: u64 = 1024 * 1024;
/// What of it is read at once, in bytes; what is larger waits for its turn.
pub const SMALL_ERROR_BYTES: u64 = 64 * 1024;
/// How many larger ones are read at the same time: each may take a multiple of its size.
pub const MAX_LARGE_ERRORS: u32 = 8;
/// What the paths and header sections of all calls under way may take together, in bytes.
pub const MAX_HEADS_BYTES: u64 = 16 * 1024 * 1024;
/// How deep an error answer's details may nest before they are passed on as text.
pub const MAX_JSON_DEPTH: usize = 100;
/// The longest number in an error answer's details before they are passed on as text.
pub const MAX_JSON_NUMBER_BYTES: usize = 300;
/// Attempts after the first.
pub const RETRIES: u32 = 2;
/// The most attempts after the first that can be asked for.
pub const MAX_RETRIES: u32 = 100;
/// The scale of the waits between attempts.
pub const BACKOFF: Duration = Duration::from_millis(100);
/// Their scale after an answer that says the server has too much to do.
pub const THROTTLE_BACKOFF: Duration = Duration::from_millis(1_000);
/// The longest wait that is drawn by lot.
pub const MAX_BACKOFF: Duration = Duration::from_millis(20_000);
/// The longest wait that a server may ask for; what asks for more is not tried again.
pub const MAX_RETRY_AFTER: Duration = Duration::from_millis(60_000);
/// Tokens of a root session for attempts after the first.
pub const RETRY_BUDGET: u32 = 500;
/// What such an attempt costs.
pub const RETRY_COST: u32 = 14;
/// What it costs after an answer that says the server has too much to do.
pub const THROTTLE_COST: u32 = 5;
/// How long one such answer may hold back the other calls of a root session.
pub const MAX_PAUSE: Duration = Duration::from_millis(5_000);
/// The longest error code in a timeline, in characters.
pub const MAX_CODE_CHARACTERS: usize = 80;
/// How often a path is decoded while looking for what it hides.
pub const PATH_DECODE_ROUNDS: usize = 3;
/// The longest `Idempotency-Key` in bytes (`protocol.md` 1.12).
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 64;
/// The longest name that an `Idempotency-Key` is derived from, in bytes.
pub const MAX_IDEMPOTENCY_NAME_BYTES: usize = 1024;
/// The shortest secret that is scrubbed from texts by value, in bytes.
pub const MIN_SCRUBBED_SECRET_BYTES: usize = 8;

/// How many escapes may stand in each other where a secret is looked for.
pub const MAX_NESTED_ESCAPES: usize = 8;
/// How long an event stream may be silent.
pub const IDLE_TIMEOUT: Duration = Duration::from_millis(60_000);
/// The scale of the waits before a stream that was lost is connected again.
pub const RECONNECT_DELAY: Duration = Duration::from_millis(1_000);
/// The longest of these waits, unless the server sets a longer scale.
pub const MAX_RECONNECT_DELAY: Duration = Duration::from_millis(30_000);
/// The shortest scale that a caller or a server may set.
pub const MIN_RECONNECT_SCALE: Duration = Duration::from_millis(100);
/// The longest scale that a caller or a server may set.
pub const MAX_RECONNECT_SCALE: Duration = Duration::from_millis(60_000);
/// How long a stream is tried without a connection that gave an event or lasted.
pub const RECONNECT_TIMEOUT: Duration = Duration::from_millis(900_000);
/// What a connection must live to count as one that lasted.
pub const LASTING_CONNECTION: Duration = Duration::from_millis(60_000);
/// The longest credential in bytes.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;
/// Tokens of a provider that are kept out of texts: the last ones.
pub const RECENT_CREDENTIALS: usize = 8;
/// Redirects followed before a stream opens.
pub const MAX_REDIRECTS: u32 = 5;
/// What of a stream is asked for at once, in bytes.
pub const STREAM_READ_BYTES: u64 = 64 * 1024;
/// What all streams of a root session may take together, with half events, ids and the events that are
/// handed over, in bytes.
pub const MAX_STREAMS_BYTES: u64 = 16 * 1024 * 1024;
/// What a stream takes of that which holds nothing.
pub const STREAM_BYTES: u64 = 5 * 1024;
/// The longest line of an event stream in bytes, without its end.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;
/// The largest event of an event stream in bytes: its type, data and id.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;
/// What the caller may raise both to: the component's memory holds no more.
pub const LARGEST_EVENT_BYTES: usize = 15 * 1024 * 1024;
/// The longest event id that is sent back, in bytes: servers refuse sections of 8 KiB.
pub const MAX_SENT_ID_BYTES: usize = 4096;
