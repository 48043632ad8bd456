//! Every number that the virtual WASI decides by itself. `docs/defaults.md` lists them; a test holds
//! that table to these constants.

/// How much of an answer's body is asked for on behalf of a reader that named no size, in bytes.
pub const READ_AHEAD_BYTES: u64 = 64 * 1024;
/// The most that is asked for at a time, in bytes.
pub const MAX_READ_BYTES: u64 = 1024 * 1024;
/// How much a component may write after one `check-write`, in bytes.
pub const WRITE_PERMIT_BYTES: u64 = 64 * 1024;
/// What `blocking-write-and-flush` takes, in bytes; `wasi:io/streams` says so.
pub const MAX_BLOCKING_WRITE_BYTES: u64 = 4096;
/// How much of a request body a component may write itself, in bytes. It is kept until the body is
/// finished; what the host holds doesn't count.
pub const MAX_WRITTEN_BYTES: u64 = 4 * 1024 * 1024;
/// Longest URL of a request in bytes.
pub const MAX_URL_BYTES: usize = 128 * 1024;
/// Largest header section of a request or an answer in bytes, counted as in RFC 9113, section
/// 6.5.2: names, values, and 32 for each field.
pub const MAX_HEADER_SECTION_BYTES: usize = 256 * 1024;
/// The most random bytes that one `get-random-bytes` gives.
pub const MAX_RANDOM_BYTES: u64 = 1024 * 1024;
