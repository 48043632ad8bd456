//! What stream operations fail with.

use crate::failure::Failure;

/// The error of a stream operation, as in `wasi:io/streams`.
#[derive(Debug, PartialEq, Eq)]
pub enum StreamError {
    /// The operation failed; the stream is closed afterwards.
    Failed(IoError),
    /// The stream has ended.
    Closed,
}

/// Why an operation failed.
#[derive(Debug, PartialEq, Eq)]
pub enum IoError {
    /// The exchange behind the stream failed.
    Http(Failure),
    /// The stream can't do that.
    Unsupported(&'static str),
}

impl IoError {
    /// A text for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Http(failure) => failure.describe(),
            Self::Unsupported(why) => (*why).to_owned(),
        }
    }
}

impl From<Failure> for StreamError {
    fn from(failure: Failure) -> Self {
        Self::Failed(IoError::Http(failure))
    }
}
