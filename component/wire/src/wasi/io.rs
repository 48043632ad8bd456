//! `wasi:io`.

use crate::Wire;
use crate::input_stream::InputStream;
use crate::output_stream::OutputStream;
use crate::pollable::{self, Pollable};
use crate::stream_error::{IoError, StreamError};
use crate::wasi::instance;
use crate::wit::exports::wasi::io::{error, poll, streams};

impl error::Guest for Wire {
    type Error = IoError;
}

impl error::GuestError for IoError {
    fn to_debug_string(&self) -> String {
        self.describe()
    }
}

impl From<StreamError> for streams::StreamError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Failed(error) => Self::LastOperationFailed(error::Error::new(error)),
            StreamError::Closed => Self::Closed,
        }
    }
}

impl poll::Guest for Wire {
    type Pollable = Pollable;

    fn poll(pollables: Vec<poll::PollableBorrow<'_>>) -> Vec<u32> {
        let pollables: Vec<&Pollable> = pollables.iter().map(|borrow| borrow.get()).collect();
        pollable::poll(instance(), &pollables)
    }
}

impl poll::GuestPollable for Pollable {
    fn ready(&self) -> bool {
        self.is_ready(instance())
    }

    fn block(&self) {
        pollable::poll(instance(), &[self]);
    }
}

impl streams::Guest for Wire {
    type InputStream = InputStream;
    type OutputStream = OutputStream;
}

impl streams::GuestInputStream for InputStream {
    fn read(&self, len: u64) -> Result<Vec<u8>, streams::StreamError> {
        Ok(Self::read(self, len)?)
    }

    fn blocking_read(&self, len: u64) -> Result<Vec<u8>, streams::StreamError> {
        self.block(instance());
        Ok(Self::read(self, len)?)
    }

    fn skip(&self, len: u64) -> Result<u64, streams::StreamError> {
        Ok(Self::skip(self, len)?)
    }

    fn blocking_skip(&self, len: u64) -> Result<u64, streams::StreamError> {
        self.block(instance());
        Ok(Self::skip(self, len)?)
    }

    fn subscribe(&self) -> streams::Pollable {
        streams::Pollable::new(Self::subscribe(self))
    }
}

impl streams::GuestOutputStream for OutputStream {
    fn check_write(&self) -> Result<u64, streams::StreamError> {
        Ok(Self::check_write(self)?)
    }

    fn write(&self, contents: Vec<u8>) -> Result<(), streams::StreamError> {
        Ok(Self::write(self, contents)?)
    }

    fn blocking_write_and_flush(&self, contents: Vec<u8>) -> Result<(), streams::StreamError> {
        self.check_blocking_write(contents.len() as u64)?;
        Ok(Self::write(self, contents)?)
    }

    fn flush(&self) -> Result<(), streams::StreamError> {
        Ok(Self::flush(self)?)
    }

    fn blocking_flush(&self) -> Result<(), streams::StreamError> {
        Ok(Self::flush(self)?)
    }

    fn subscribe(&self) -> streams::Pollable {
        streams::Pollable::new(Self::subscribe(self))
    }

    fn write_zeroes(&self, len: u64) -> Result<(), streams::StreamError> {
        Ok(Self::write_zeroes(self, len)?)
    }

    fn blocking_write_zeroes_and_flush(&self, len: u64) -> Result<(), streams::StreamError> {
        self.check_blocking_write(len)?;
        Ok(Self::write_zeroes(self, len)?)
    }

    fn splice(
        &self,
        src: streams::InputStreamBorrow<'_>,
        len: u64,
    ) -> Result<u64, streams::StreamError> {
        Ok(Self::splice(self, src.get(), len)?)
    }

    fn blocking_splice(
        &self,
        src: streams::InputStreamBorrow<'_>,
        len: u64,
    ) -> Result<u64, streams::StreamError> {
        let source: &InputStream = src.get();
        source.block(instance());
        Ok(Self::splice(self, source, len)?)
    }
}
