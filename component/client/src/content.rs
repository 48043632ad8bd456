//! The content of a request.

use std::cell::Cell;

use crate::wit::wasi::io::streams::InputStream;

/// The content of a request.
pub enum Content {
    /// Bytes in this memory.
    Bytes(Vec<u8>),
    /// A stream.
    Streamed(Streamed),
}

/// Content that is read while it is sent.
pub struct Streamed {
    /// Where it comes from.
    pub stream: InputStream,
    /// Its size in bytes.
    pub length: u64,
    /// Whether the stream starts over after that.
    pub repeats: bool,
    /// How far it was read in this round.
    pub at: Cell<u64>,
}

impl Streamed {
    /// So many more bytes were read.
    pub fn advance(&self, bytes: u64) {
        let at = self.at.get() + bytes;
        self.at.set(if at < self.length { at } else { 0 });
    }
}

impl Content {
    /// Its size in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Streamed(streamed) => streamed.length,
        }
    }

    /// Whether it can be sent again.
    pub fn repeats(&self) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::Streamed(streamed) => streamed.repeats,
        }
    }
}
