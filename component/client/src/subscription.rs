//! One subscription to an event stream: connection after connection, until an end or a reason to give
//! up.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ron_core::caveats;
use ron_core::defaults::{MAX_REDIRECTS, STREAM_READ_BYTES};
use ron_core::error::{Error, ErrorKind, Phase};
use ron_core::event_stream::{Message, Parser};
use ron_core::header::{self, LAST_EVENT_ID};
use ron_core::message::seconds;
use ron_core::plane::Plane;
use ron_core::reconnect::{Connection, Reconnects, STREAM_ENDED};
use ron_core::redirect;
use ron_core::request::{Call, Prepared};
use ron_core::resume::Filter;
use ron_core::subscription::{self, Head, Rules, Settings};
use tracing::Level;

use crate::attempts::is_unauthorized;
use crate::batch::Batch;
use crate::content::Content;
use crate::credentials::Used;
use crate::exchange::Limits;
use crate::interrupt::{Interruption, closed, interruptible};
use crate::outlet::{Outlet, Update};
use crate::runtime::{nanoseconds, ready, sleep_until, within};
use crate::session::{Session, StreamRoom, wall_clock};
use crate::tell::{Fields, is_heard, tell};
use crate::wit::wasi::clocks::monotonic_clock;
use crate::wit::wasi::http::types::{ErrorCode, IncomingResponse, http_error_code};
use crate::wit::wasi::io::streams::{InputStream, StreamError};
use crate::wit::wasi::random::random;
use crate::{answer, exchange, failure};

/// Why a subscription has ended early.
pub struct Failure {
    /// Why.
    pub error: Error,
    /// The id of the subscription, if it got that far.
    pub request_id: Option<String>,
}

/// Carries a subscription to its end.
pub async fn perform(
    session: Rc<Session>,
    call: Call,
    content: Option<Content>,
    settings: Settings,
    outlet: Rc<Outlet>,
) -> Result<(), Failure> {
    let prepared = settings
        .checked()
        .and_then(|rules| Ok((rules, session.prepare(&call)?)));
    let (rules, (prepared, _head)) = match prepared {
        Ok(prepared) => prepared,
        Err(mut error) => {
            session.scrub(&mut error);
            return Err(Failure {
                error,
                request_id: None,
            });
        }
    };
    let now = monotonic_clock::now();
    let end = rules
        .max_duration
        .map(|time| now.saturating_add(nanoseconds(time)));
    let expiry = session.config.caveats.expires_at;
    let expiry = expiry.map(|at| now.saturating_add(at.saturating_sub(wall_clock())));
    let until = end.into_iter().chain(expiry).min();
    let request_id = prepared.request_id.clone();
    let subscription = Subscription {
        session: &session,
        outlet: &outlet,
        plane: call.plane,
        path: prepared.path().to_owned(),
        request_id: &request_id,
        was_open: Cell::new(false),
        has_asked: Cell::new(false),
    };
    let work = subscription.run(prepared, content, rules, now);
    let result = match interruptible(&session, until, work).await {
        Ok(result) => result,
        Err(Interruption::Deadline) if until == end => Ok(()),
        Err(Interruption::Deadline) => Err(caveats::expired()),
        Err(Interruption::Closed) => Err(closed()),
    };
    result.map_err(|mut error| {
        session.scrub(&mut error);
        Failure {
            error,
            request_id: Some(request_id),
        }
    })
}

/// What all connections of a subscription have in common.
struct Subscription<'a> {
    session: &'a Rc<Session>,
    outlet: &'a Outlet,
    plane: Plane,
    path: String,
    request_id: &'a str,
    /// Whether any connection has got as far as the head of a stream.
    was_open: Cell<bool>,
    /// Whether the present one has sent a request.
    has_asked: Cell<bool>,
}

/// Where a stream stands, over all connections.
struct Stream {
    parser: Parser,
    filter: Filter,
    reconnects: Reconnects,
    events_left: Option<u64>,
    room: StreamRoom,
    /// The last event id that the subscriber was told.
    told_id: Rc<str>,
    idle_timeout: Option<Duration>,
}

impl Subscription<'_> {
    async fn run(
        &self,
        mut prepared: Prepared,
        content: Option<Content>,
        rules: Rules,
        started: u64,
    ) -> Result<(), Error> {
        let reconnect = rules.persistence.reconnect;
        let mut stream = Stream {
            filter: Filter::new(&rules.last_event_id, rules.drop_heartbeats),
            told_id: rules.last_event_id.as_str().into(),
            parser: Parser::new(rules.limits, rules.last_event_id),
            reconnects: Reconnects::new(rules.persistence, started),
            events_left: rules.max_events,
            room: StreamRoom::new(&self.session.root),
            idle_timeout: rules.idle_timeout,
        };
        stream.room.resize(0)?;
        loop {
            resume_from(&mut prepared, stream.parser.last_event_id())?;
            let mut connection = Connection::default();
            let work = self.connection(&prepared, content.as_ref(), &mut stream, &mut connection);
            let ended = self.outlet.unless_restarted(work).await;
            let now = monotonic_clock::now();
            stream.reconnects.lost(connection, now);
            let error = match ended {
                Some(Ok(())) => return Ok(()),
                None => continue,
                Some(Err(error)) if error.code == STREAM_ENDED && !reconnect => return Ok(()),
                // A provider that has never given a token is broken; one that has may be so for a while.
                Some(Err(error)) if error.kind == ErrorKind::Credential && !self.was_open.get() => {
                    return Err(error);
                }
                Some(Err(error)) => error,
            };
            let next = stream.reconnects.next(&error, now, random::get_random_u64);
            let wait = match next {
                Err(last) if last == error => return Err(error),
                Err(last) => {
                    self.lose(error, None).await;
                    return Err(last);
                }
                Ok(wait) => wait,
            };
            self.lose(error, Some(wait)).await;
            let until = now.saturating_add(nanoseconds(wait));
            self.outlet.unless_restarted(sleep_until(until)).await;
        }
    }

    /// Tells that a connection is lost.
    async fn lose(&self, mut error: Error, wait: Option<Duration>) {
        // A gateway reads the whole body before it answers (`protocol.md` 1.3).
        let is_silent = error.kind == ErrorKind::Timeout && error.phase != Some(Phase::Connect);
        let is_unanswered = self.has_asked.get() && !self.was_open.get();
        let buffered = is_silent && is_unanswered && self.plane == Plane::App;
        self.session.scrub(&mut error);
        self.tell("stream lost", Some(&error.code), wait);
        let update = Update::Lost {
            error,
            wait,
            buffered,
        };
        self.outlet.put(update).await;
    }

    fn tell(&self, message: &str, code: Option<&str>, wait: Option<Duration>) {
        if is_heard(Level::INFO) {
            let fields = Fields {
                request_id: self.request_id,
                path: Some(&self.path),
                code,
                wait: wait.map(nanoseconds),
                attempt: Some(self.outlet.attempts() as usize),
                ..Fields::default()
            };
            tell(self.session, Level::INFO, message, &fields);
        }
    }

    /// One connection, from its request to its end. No error: there are no more events, or none are
    /// wanted.
    async fn connection(
        &self,
        prepared: &Prepared,
        content: Option<&Content>,
        stream: &mut Stream,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        // What opening takes is not to take room as long as the stream is open.
        let opening = Box::pin(self.open(prepared, content, stream));
        let response = match within(prepared.timeout, opening).await {
            None => {
                let timeout = seconds(prepared.timeout);
                let message = format!("the stream did not open within its time-out of {timeout}");
                return Err(Error::timeout(Phase::Overall, message));
            }
            Some(opened) => opened?,
        };
        let Some((response, buffered)) = response else {
            return Ok(());
        };
        connection.opened = Some(monotonic_clock::now());
        self.was_open.set(true);
        stream.parser.reset();
        stream.filter.resume();
        self.tell("stream open", None, None);
        let connected = Update::Connected {
            request_id: prepared.request_id.clone(),
            buffered,
        };
        self.outlet.put(connected).await;
        let Some((_body, input)) = exchange::body(&response) else {
            return Err(failure::broken("body"));
        };
        self.read(&input, stream, connection).await
    }

    /// Makes a connection and waits for the head of a stream; none if the server has no more events.
    async fn open(
        &self,
        prepared: &Prepared,
        content: Option<&Content>,
        stream: &Stream,
    ) -> Result<Option<(IncomingResponse, bool)>, Error> {
        let config = &self.session.config;
        let limits = Limits::new(&config.timeouts, prepared.timeout);
        let limits = limits.with_silence(stream.idle_timeout);
        self.has_asked.set(false);
        self.session.check_time()?;
        let credentials = &self.session.credentials;
        let mut used = credentials.next(prepared.scheme).await?;
        let mut may_renew = content.is_none_or(Content::repeats);
        let now = monotonic_clock::now();
        let deadline = now.saturating_add(nanoseconds(prepared.timeout));
        let place = self.session.root.limiter.place(now, deadline).await;
        let _place = place.map_err(|refusal| refusal.error)?;
        let (mut prepared, mut content) = (prepared.clone(), content);
        let mut redirects = 0;
        loop {
            let began = monotonic_clock::now();
            self.has_asked.set(true);
            self.outlet.begin_attempt();
            let value = used.as_ref().and_then(Used::value);
            let sent = exchange::send(&config.origin, &limits, &prepared, value, content);
            let response = sent.await?;
            let status = response.status();
            match subscription::judge(status, &response.headers().entries()) {
                Head::Open { buffered } => {
                    let response = answer::accept(self.session, response, began).await?;
                    return Ok(Some((response, buffered)));
                }
                Head::NoContent => return Ok(None),
                Head::Unusable(error) => return Err(error),
                Head::Redirect(location) => {
                    let target =
                        redirect::target(&config.origin, self.plane, &prepared.target, &location);
                    let Some(target) = target else {
                        let mut error =
                            answer::refusal(self.session, response, began, Some(self.outlet)).await;
                        let message = "the server redirects to another origin, out of the plane or nowhere; a stream follows it to no such place";
                        error.message = message.to_owned();
                        if let Some(problem) = &mut error.problem {
                            problem.message = message.to_owned();
                        }
                        return Err(error);
                    };
                    if redirects == MAX_REDIRECTS {
                        return Err(Error::new(
                            ErrorKind::Stream,
                            "too_many_redirects",
                            "the server redirected more than 5 times in a row",
                        ));
                    }
                    redirects += 1;
                    self.session.check_target(&target)?;
                    prepared.target = target;
                    if redirect::becomes_get(status, &prepared.method) {
                        prepared.become_get();
                        content = None;
                    }
                    let path = prepared.path();
                    let path = path.strip_prefix(&*config.origin.prefix).unwrap_or(path);
                    let caveats = &config.caveats;
                    caveats.check(self.plane, &prepared.method, path, None)?;
                }
                Head::Refused => {
                    let challenged = answer::challenges_for_macaroon(&response);
                    let error =
                        answer::refusal(self.session, response, began, Some(self.outlet)).await;
                    if may_renew
                        && let Some(refused) = &used
                        && is_unauthorized(&error)
                        && credentials.refused(refused, challenged)
                    {
                        may_renew = false;
                        let next = credentials.next(prepared.scheme).await?;
                        if next != used {
                            used = next;
                            continue;
                        }
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Reads a stream until its end, or as many events as are wanted.
    async fn read(
        &self,
        input: &InputStream,
        stream: &mut Stream,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        loop {
            let chunk = ready(
                || exchange::read(input, STREAM_READ_BYTES, Some(self.outlet)),
                || input.subscribe(),
            );
            let chunk = match chunk.await {
                Ok(chunk) => chunk,
                Err(StreamError::Closed) => {
                    return Err(Error::new(
                        ErrorKind::Stream,
                        STREAM_ENDED,
                        "the server has ended the stream",
                    ));
                }
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(self.broken(http_error_code(&error), stream.idle_timeout));
                }
            };
            let (batch, result) = stream.take(&chunk);
            drop(chunk);
            connection.gave_event |= batch.has_event();
            if !batch.is_empty() || batch.last_event_id != stream.told_id {
                stream.told_id = batch.last_event_id.clone();
                stream.hold(batch.bytes())?;
                self.outlet.put(Update::Received(batch)).await;
                stream.hold(0)?;
            }
            result?;
            if stream.events_left == Some(0) {
                return Ok(());
            }
        }
    }

    /// Why a stream broke off.
    fn broken(&self, code: Option<ErrorCode>, idle_timeout: Option<Duration>) -> Error {
        match (code, idle_timeout) {
            (Some(ErrorCode::ConnectionReadTimeout), Some(idle)) => Error::timeout(
                Phase::Read,
                format!(
                    "the stream was silent for its idle time-out of {}",
                    seconds(idle)
                ),
            ),
            (Some(code), _) => failure::error(&code, &self.session.config.origin),
            (None, _) => failure::broken("read"),
        }
    }
}

impl Stream {
    /// What the next bytes bring, and why they may be the last ones.
    fn take(&mut self, bytes: &[u8]) -> (Batch, Result<(), Error>) {
        let mut messages = Vec::new();
        let parsed = self.parser.feed(bytes, &mut messages);
        if let Some(delay) = self.parser.retry() {
            self.reconnects.set_delay(delay);
        }
        let (filter, events_left) = (&mut self.filter, &mut self.events_left);
        messages.retain(|message| {
            if !filter.passes(message) {
                return false;
            }
            match (message, &mut *events_left) {
                (_, Some(0)) => false,
                (Message::Event(_), Some(left)) => {
                    *left -= 1;
                    true
                }
                _ => true,
            }
        });
        let result = parsed.and_then(|()| self.hold(0));
        let (filter, events_left) = (&mut self.filter, &mut self.events_left);
        // Events behind the last one that was wanted don't count.
        let last_event_id = match events_left {
            Some(0) => filter.delivered(),
            _ => self.parser.last_event_id(),
        };
        let batch = Batch {
            messages,
            last_event_id: last_event_id.clone(),
            duplicates: std::mem::take(&mut filter.duplicates),
            heartbeats: std::mem::take(&mut filter.heartbeats),
        };
        (batch, result)
    }

    /// Counts what the component holds of this stream, and `more` bytes that are on their way out.
    fn hold(&mut self, more: usize) -> Result<(), Error> {
        let ids = self.parser.last_event_id().len() + self.filter.delivered().len();
        self.room.resize(self.parser.buffered() + ids + more)
    }
}

/// Has the next request ask for what comes after an event.
fn resume_from(prepared: &mut Prepared, last_event_id: &str) -> Result<(), Error> {
    let headers = &mut prepared.headers;
    headers.retain(|(name, _)| name != LAST_EVENT_ID);
    headers.extend(subscription::last_event_id(last_event_id));
    header::check_size(headers)
}
