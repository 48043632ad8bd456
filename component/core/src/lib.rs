//! Protocol logic of the RON app plane.
//!
//! Nothing here does input or output, reads a clock or draws randomness: those come in as
//! arguments. The component in `../client` carries out what this crate decides.

pub mod caveats;
pub mod config;
pub mod credential;
pub mod defaults;
pub mod error;
pub mod event_stream;
pub mod header;
pub mod host;
pub mod idempotency;
pub mod ids;
pub mod json;
pub mod message;
pub mod method;
pub mod origin;
pub mod page;
pub mod path;
pub mod percent;
pub mod plane;
pub mod problem;
pub mod query;
pub mod reconnect;
pub mod redact;
pub mod redirect;
pub mod request;
pub mod resume;
pub mod retry;
pub mod subscription;
pub mod throttle;
pub mod timeline;
pub mod values;
#[cfg(test)]
mod vectors;
