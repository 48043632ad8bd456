//! Runs futures over `wasi:io/poll`: polled by a host that owns the event loop, or blocked on.
//!
//! Timers live here rather than in pollables, so that polling one call costs the same however many
//! others wait.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use litemap::LiteMap;

use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::io::poll::{self, Pollable};

/// The token of a call that is blocked on: it needs no name.
const BLOCKING: u64 = u64::MAX;

#[derive(Default)]
struct Runtime {
    /// By time, then in order of making, the last one first: most end as they come.
    timers: RefCell<LiteMap<Reverse<(u64, u64)>, Waker>>,
    timers_made: Cell<u64>,
    woken: RefCell<Vec<u64>>,
    /// The call that is being polled.
    current: Cell<u64>,
    /// Whether the future that is being blocked on was woken while it ran.
    blocking_woken: Cell<bool>,
    /// What the future that is being blocked on waits for; none when nothing blocks. Weak, because
    /// a pollable must be dropped before what it was made of, which the future owns.
    awaited: RefCell<Option<Vec<Weak<Pollable>>>>,
}

thread_local! {
    static RUNTIME: Runtime = Runtime::default();
}

struct Token(u64);

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        RUNTIME.with(|runtime| match self.0 {
            BLOCKING => runtime.blocking_woken.set(true),
            token => runtime.woken.borrow_mut().push(token),
        });
    }
}

/// A waker whose call `woken` names by this token.
pub fn waker(token: u64) -> Waker {
    Arc::new(Token(token)).into()
}

/// Names the call that is polled from now on.
pub fn enter(token: u64) {
    RUNTIME.with(|runtime| runtime.current.set(token));
}

/// The call that is being polled.
pub fn current() -> u64 {
    RUNTIME.with(|runtime| runtime.current.get())
}

/// Whether a future is being blocked on.
pub fn is_blocking() -> bool {
    RUNTIME.with(|runtime| runtime.awaited.borrow().is_some())
}

/// The tokens that were woken since the last time, those of ended timers included.
pub fn woken() -> Vec<u64> {
    RUNTIME.with(|runtime| {
        fire(runtime);
        let mut woken = runtime.woken.take();
        woken.dedup();
        woken
    })
}

fn fire(runtime: &Runtime) {
    let mut timers = runtime.timers.borrow_mut();
    if timers.is_empty() {
        return;
    }
    let now = monotonic_clock::now();
    while let Some((&key, _)) = timers.last()
        && key.0.0 <= now
    {
        if let Some(waker) = timers.remove(&key) {
            waker.wake();
        }
    }
}

/// When the next timer ends.
pub fn wake_at() -> Option<u64> {
    RUNTIME.with(|runtime| {
        let timers = runtime.timers.borrow();
        timers.last().map(|(key, _)| key.0.0)
    })
}

/// Runs a future to its end, blocking in `wasi:io/poll`.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = waker(BLOCKING);
    let mut context = Context::from_waker(&waker);
    loop {
        RUNTIME.with(|runtime| *runtime.awaited.borrow_mut() = Some(Vec::new()));
        let progress = future.as_mut().poll(&mut context);
        let awaited = RUNTIME
            .with(|runtime| runtime.awaited.take())
            .unwrap_or_default();
        if let Poll::Ready(output) = progress {
            return output;
        }
        if RUNTIME.with(|runtime| runtime.blocking_woken.take()) {
            continue;
        }
        let timer = wake_at().map(monotonic_clock::subscribe_instant);
        let awaited: Vec<_> = awaited.iter().filter_map(Weak::upgrade).collect();
        let pollables: Vec<&Pollable> = awaited.iter().map(Rc::as_ref).chain(&timer).collect();
        poll::poll(&pollables);
        RUNTIME.with(fire);
        RUNTIME.with(|runtime| runtime.blocking_woken.set(false));
    }
}

/// Ends at a point on the monotonic clock.
pub struct Sleep {
    when: u64,
    key: Option<Reverse<(u64, u64)>>,
}

/// Waits until `when`.
pub fn sleep_until(when: u64) -> Sleep {
    Sleep { when, key: None }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key {
            // Firing removes the entry, so asking the clock again is not needed.
            let waiting = RUNTIME.with(|runtime| runtime.timers.borrow().contains_key(&key));
            return if waiting {
                Poll::Pending
            } else {
                Poll::Ready(())
            };
        }
        self.key = RUNTIME.with(|runtime| {
            let made = runtime.timers_made.get();
            runtime.timers_made.set(made + 1);
            let key = Reverse((self.when, made));
            runtime
                .timers
                .borrow_mut()
                .insert(key, context.waker().clone());
            Some(key)
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            RUNTIME.with(|runtime| runtime.timers.borrow_mut().remove(&key));
        }
    }
}

/// A time on the clocks of WASI.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What `work` results in, or none if it takes longer than `limit`.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut sleep = None;
    poll_fn(|context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        let sleep = sleep.get_or_insert_with(|| {
            sleep_until(monotonic_clock::now().saturating_add(nanoseconds(limit)))
        });
        Pin::new(sleep).poll(context).map(|()| None)
    })
    .await
}

/// Repeats an operation until it has a result. Only a blocking caller makes a pollable of it: one
/// that is polled knows by itself when to try again.
pub struct Ready<A, S> {
    attempt: A,
    subscribe: S,
    pollable: Option<Rc<Pollable>>,
}

/// Waits until `attempt` has a result; `subscribe` tells what to wait for meanwhile.
pub fn ready<T, A, S>(attempt: A, subscribe: S) -> Ready<A, S>
where
    A: FnMut() -> Option<T> + Unpin,
    S: Fn() -> Pollable + Unpin,
{
    Ready {
        attempt,
        subscribe,
        pollable: None,
    }
}

impl<T, A, S> Future for Ready<A, S>
where
    A: FnMut() -> Option<T> + Unpin,
    S: Fn() -> Pollable + Unpin,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        if let Some(result) = (self.attempt)() {
            return Poll::Ready(result);
        }
        RUNTIME.with(|runtime| {
            if let Some(awaited) = &mut *runtime.awaited.borrow_mut() {
                let Self {
                    subscribe,
                    pollable,
                    ..
                } = &mut *self;
                let pollable = pollable.get_or_insert_with(|| Rc::new(subscribe()));
                awaited.push(Rc::downgrade(pollable));
            }
        });
        Poll::Pending
    }
}
