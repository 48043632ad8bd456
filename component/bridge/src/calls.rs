//! Sessions and calls by the ids that the host chose.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use ron_abi::{Malformed, NO_CALL, Writer};

use crate::messages::{self, Begin, Derive, Open};
use crate::wit::ron::app::driver::LogLevel;
use crate::wit::ron::app::session::{Call, Session};
use crate::wit::ron::app::types::{Body, StreamedBody};
use crate::wit::ron::app::{admin, driver, node};
use crate::wit::ron::wire::port;

/// What the instance holds for its host.
#[derive(Default)]
pub struct Calls {
    sessions: RefCell<BTreeMap<u64, Session>>,
    calls: RefCell<BTreeMap<u64, Call>>,
    log_level: Cell<Option<LogLevel>>,
    /// Whether the host wants timelines.
    timelines: Cell<bool>,
}

impl Calls {
    /// Opens a root session.
    pub fn open(&self, open: Open, out: &mut Writer) -> Result<(), Malformed> {
        self.unused("session", &self.sessions, open.session)?;
        port::seed(&open.entropy).map_err(Malformed::new)?;
        self.timelines.set(open.timeline);
        self.opened(open.session, admin::open(&open.configuration), out);
        Ok(())
    }

    /// Opens a derived session.
    pub fn derive(&self, derive: &Derive, out: &mut Writer) -> Result<(), Malformed> {
        self.unused("session", &self.sessions, derive.session)?;
        let result = {
            let sessions = self.sessions.borrow();
            let parent = sessions
                .get(&derive.parent)
                .ok_or_else(|| Malformed::new("there is no such parent session"))?;
            admin::derive(parent, derive.overrides)
        };
        self.opened(derive.session, result, out);
        Ok(())
    }

    fn opened(&self, id: u64, result: Result<Session, admin::Error>, out: &mut Writer) {
        match result {
            Ok(session) => {
                self.sessions.borrow_mut().insert(id, session);
                messages::opened(out, id);
            }
            Err(error) => messages::error(out, NO_CALL, &error),
        }
    }

    /// Starts a call and runs it.
    pub fn begin(&self, begin: Begin, out: &mut Writer) -> Result<(), Malformed> {
        self.unused("call", &self.calls, begin.call)?;
        let id = begin.call;
        if self.log_level.replace(begin.log_level) != begin.log_level {
            driver::set_log_level(begin.log_level);
        }
        let call = {
            let sessions = self.sessions.borrow();
            let Some(session) = sessions.get(&begin.session) else {
                messages::error(out, id, &messages::closed_session());
                return Ok(());
            };
            let mut request = begin.request;
            request.body = begin.body_length.map(|length| {
                Body::Streamed(StreamedBody {
                    content: port::hold(length),
                    length,
                    repeats: true,
                })
            });
            match begin.node {
                None => session.start(request, id),
                Some(credential) => node::start(session, request, credential, id),
            }
        };
        self.calls.borrow_mut().insert(id, call);
        self.run(id, out);
        Ok(())
    }

    fn unused<T>(
        &self,
        what: &str,
        taken: &RefCell<BTreeMap<u64, T>>,
        id: u64,
    ) -> Result<(), Malformed> {
        if id == NO_CALL || taken.borrow().contains_key(&id) {
            return Err(Malformed::new(format!("the {what} id is 0 or in use")));
        }
        Ok(())
    }

    /// Runs a call as far as it goes.
    pub fn run(&self, id: u64, out: &mut Writer) {
        port::attribute(id);
        let result = match self.calls.borrow().get(&id) {
            Some(call) => call.poll(),
            None => None,
        };
        let Some(result) = result else {
            out.items(&port::drain());
            return;
        };
        self.calls.borrow_mut().remove(&id);
        match result {
            Ok(response) => {
                let exchange = response.body().and_then(port::release);
                let done = messages::Done {
                    exchange,
                    attempts: response.attempts(),
                    request_id: response.request_id(),
                };
                let timeline = self.timelines.get().then(|| response.timeline());
                drop(response);
                out.items(&port::drain());
                if let Some(timeline) = timeline {
                    messages::timeline(out, id, &timeline, None);
                }
                messages::done(out, id, &done);
            }
            Err(error) => {
                out.items(&port::drain());
                if self.timelines.get() {
                    messages::timeline(out, id, &error.timeline, error.stopped);
                }
                messages::error(out, id, &error);
            }
        }
    }

    /// Runs calls that can go on, until there are none.
    pub fn run_woken(&self, out: &mut Writer) {
        loop {
            let woken = driver::woken();
            if woken.is_empty() {
                return;
            }
            for id in woken {
                self.run(id, out);
            }
        }
    }

    /// Drops a call; the exchanges that it held are aborted.
    pub fn cancel(&self, id: u64, out: &mut Writer) {
        let call = self.calls.borrow_mut().remove(&id);
        drop(call);
        out.items(&port::drain());
    }

    /// Closes a session; its calls are woken and end.
    pub fn close(&self, id: u64) {
        if let Some(session) = self.sessions.borrow_mut().remove(&id) {
            admin::close(&session);
        }
    }

    /// Hands out what the calls tell of themselves.
    pub fn take_log(&self, out: &mut Writer) {
        if self.log_level.get().is_some() {
            for event in driver::take_log() {
                messages::log(out, &event);
            }
        }
    }

    /// The tokens left for retries, of the session that has the fewest.
    fn budget(&self) -> u64 {
        let sessions = self.sessions.borrow();
        let least = sessions.values().map(admin::budget).min();
        least.unwrap_or_default().into()
    }

    /// Counts what is held.
    pub fn stats(&self, out: &mut Writer) {
        messages::stats(
            out,
            &[
                ("budget", self.budget()),
                ("sessions", self.sessions.borrow().len() as u64),
                ("calls", self.calls.borrow().len() as u64),
                ("exchanges", u64::from(port::exchanges())),
                ("memory-pages", messages::memory_pages()),
            ],
        );
    }
}
