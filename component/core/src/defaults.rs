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
/// How deep an error answer's details may nest before they are passed on as text.
pub const MAX_JSON_DEPTH: usize = 100;
/// The longest number in an error answer's details before they are passed on as text.
pub const MAX_JSON_NUMBER_BYTES: usize = 300;
/// How often a path is decoded while looking for what it hides.
pub const PATH_DECODE_ROUNDS: usize = 3;
/// The longest `Idempotency-Key` in bytes (`protocol.md` 1.12).
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 64;
/// The shortest secret that is scrubbed from texts by value, in bytes.
pub const MIN_SCRUBBED_SECRET_BYTES: usize = 8;
