//! What ends work from outside: the session's end, and a deadline.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use ron_core::error::{Error, ErrorKind};

use crate::runtime::sleep_until;
use crate::session::Session;

/// Why work was not finished.
pub enum Interruption {
    /// The session was closed.
    Closed,
    /// The deadline passed.
    Deadline,
}

/// Does the work, unless the session is closed or `deadline`, if any, passes first.
pub async fn interruptible<T>(
    session: &Session,
    deadline: Option<u64>,
    work: impl Future<Output = T>,
) -> Result<T, Interruption> {
    let mut sleep = deadline.map(sleep_until);
    let mut work = pin!(work);
    let mut watch = None;
    poll_fn(|context| {
        if session.is_closed() {
            return Poll::Ready(Err(Interruption::Closed));
        }
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(result));
        }
        if let Some(sleep) = &mut sleep
            && Pin::new(sleep).poll(context).is_ready()
        {
            return Poll::Ready(Err(Interruption::Deadline));
        }
        if watch.is_none() {
            watch = Some(session.watch(context.waker()));
        }
        Poll::Pending
    })
    .await
}

/// What a caller hears whose session was closed.
pub fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "closed",
        "the client was closed; open a new one",
    )
}
