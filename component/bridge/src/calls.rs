//! Sessions and calls by the ids that the host chose.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;

use litemap::LiteMap;
use ron_abi::{Malformed, NO_CALL, Reader, Writer, latin1_length};

use crate::messages::{self, Begin, Derive, Open};
use crate::wit::ron::app::driver::LogLevel;
use crate::wit::ron::app::events::{self, Subscription};
use crate::wit::ron::app::session::{Call, Session};
use crate::wit::ron::app::types::{Body, StreamedBody};
use crate::wit::ron::app::{admin, driver, node};
use crate::wit::ron::wire::port;

/// What the instance holds for its host.
#[derive(Default)]
pub struct Calls {
    sessions: RefCell<LiteMap<u64, Session>>,
    /// The last one first: when all end in one crossing they end in order, and each removal moves what
    /// is behind it.
    calls: RefCell<LiteMap<Reverse<u64>, Running>>,
    log_level: Cell<Option<LogLevel>>,
    /// Whether the host wants timelines.
    timelines: Cell<bool>,
    /// Whether the host gives tokens when asked.
    provides: Cell<bool>,
}

/// A call or a stream, of a session.
struct Running {
    session: u64,
    work: Work,
}

/// What a `begin` has begun.
enum Work {
    Call(Call),
    Stream(Subscription),
}

impl Calls {
    /// Opens a root session.
    pub fn open(&self, open: Open, out: &mut Writer) -> Result<(), Malformed> {
        let is_taken = self.sessions.borrow().contains_key(&open.session);
        unused("session", open.session, is_taken)?;
        port::seed(&open.entropy).map_err(Malformed::new)?;
        self.timelines.set(open.timeline);
        self.provides(&open.configuration.credential);
        self.opened(open.session, admin::open(&open.configuration), out);
        Ok(())
    }

    /// Opens a derived session.
    pub fn derive(&self, derive: &Derive, out: &mut Writer) -> Result<(), Malformed> {
        if let Some(credential) = &derive.overrides.credential {
            self.provides(credential);
        }
        let is_taken = self.sessions.borrow().contains_key(&derive.session);
        unused("session", derive.session, is_taken)?;
        let result = {
            let sessions = self.sessions.borrow();
            let parent = sessions
                .get(&derive.parent)
                .ok_or_else(|| Malformed::new("there is no such parent session"))?;
            admin::derive(parent, &derive.overrides)
        };
        self.opened(derive.session, result, out);
        Ok(())
    }

    fn provides(&self, credential: &admin::Credential) {
        if let admin::Credential::Provided = credential {
            self.provides.set(true);
        }
    }

    fn opened(&self, id: u64, result: Result<Session, admin::Error>, out: &mut Writer) {
        match result {
            Ok(session) => {
                self.sessions.borrow_mut().insert(id, session);
                messages::opened(out, id);
            }
            Err(error) => messages::error(out, NO_CALL, &error, 0),
        }
    }

    /// Starts a call and runs it.
    pub fn begin(&self, begin: Begin, out: &mut Writer) -> Result<(), Malformed> {
        unused(
            "call",
            begin.call,
            self.calls.borrow().contains_key(&Reverse(begin.call)),
        )?;
        let id = begin.call;
        if self.log_level.replace(begin.log_level) != begin.log_level {
            driver::set_log_level(begin.log_level);
        }
        let call = {
            let sessions = self.sessions.borrow();
            let Some(session) = sessions.get(&begin.session) else {
                messages::error(out, id, &messages::closed_session(), 0);
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
            let beside = begin.node.map(|credential| node::open(session, credential));
            let session = beside.as_ref().unwrap_or(session);
            match begin.stream {
                None => Work::Call(session.start(request, id)),
                Some(options) => Work::Stream(events::subscribe(session, request, &options, id)),
            }
        };
        let running = Running {
            session: begin.session,
            work: call,
        };
        self.calls.borrow_mut().insert(Reverse(id), running);
        self.run(id, out);
        Ok(())
    }

    /// Runs a call or a stream as far as it goes.
    pub fn run(&self, id: u64, out: &mut Writer) {
        port::attribute(id);
        let is_over = match self.calls.borrow().get(&Reverse(id)) {
            Some(running) => match &running.work {
                Work::Call(call) => self.run_call(id, call, out),
                Work::Stream(stream) => run_stream(id, stream, out),
            },
            None => {
                out.items(&port::drain());
                false
            }
        };
        if self.provides.get() {
            for want in driver::wanted() {
                messages::want(out, &want);
            }
        }
        if is_over {
            self.calls.borrow_mut().remove(&Reverse(id));
        }
    }

    /// Whether it is over.
    fn run_call(&self, id: u64, call: &Call, out: &mut Writer) -> bool {
        let Some(result) = call.poll() else {
            out.items(&port::drain());
            return false;
        };
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
                messages::error(out, id, &error, error.timeline.len() as u32);
            }
        }
        true
    }

    /// Takes an event that is for a session or a stream itself; false if it is for `wire`.
    pub fn take_event(&self, id: u64, event: &str) -> Result<bool, Malformed> {
        let calls = self.calls.borrow();
        let running = calls.get(&Reverse(id));
        if self.provides.get()
            && let Some(token) = messages::provided(event)?
        {
            let sessions = self.sessions.borrow();
            // A call that has ended meanwhile needs none.
            if let Some(session) = running.and_then(|running| sessions.get(&running.session)) {
                admin::provide(session, token.as_ref().map_err(String::as_str));
            }
            return Ok(true);
        }
        let Some(Work::Stream(stream)) = running.map(|running| &running.work) else {
            // A stream that has ended meanwhile is not made anew.
            return Ok(event == "restart\0");
        };
        let mut reader = Reader::new(event);
        match reader.text("event")? {
            "restart" => {
                reader.end()?;
                stream.restart();
            }
            "data" => {
                let data = messages::Data::read(&mut reader)?;
                if port::pass(data.exchange, latin1_length(data.text), data.end) {
                    driver::supply(stream, data.text).map_err(Malformed::new)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
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
        let call = self.calls.borrow_mut().remove(&Reverse(id));
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

/// Whether it is over.
fn run_stream(id: u64, stream: &Subscription, out: &mut Writer) -> bool {
    loop {
        let progress = stream.poll();
        out.items(&port::drain());
        match progress {
            None => return false,
            Some(Ok(Some(update))) => messages::update(out, id, &update, stream.attempts()),
            Some(Ok(None)) => {
                let done = messages::Done {
                    exchange: None,
                    attempts: stream.attempts(),
                    request_id: String::new(),
                };
                messages::done(out, id, &done);
                return true;
            }
            Some(Err(error)) => {
                messages::error(out, id, &error, stream.attempts());
                return true;
            }
        }
    }
}

fn unused(what: &str, id: u64, is_taken: bool) -> Result<(), Malformed> {
    if id == NO_CALL || is_taken {
        return Err(Malformed::new(format!("the {what} id is 0 or in use")));
    }
    Ok(())
}
