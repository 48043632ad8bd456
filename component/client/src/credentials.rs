//! The credential of a session and of those derived from it: always the same, or one after another,
//! fetched by one call for all that wait.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use litemap::LiteMap;
use ron_core::config::Config;
use ron_core::credential::{self, Credential, Scheme, Source};
use ron_core::defaults::RECENT_CREDENTIALS;
use ron_core::error::{Error, ErrorKind};
use ron_core::redact::Redactor;

use crate::runtime;
use crate::wit::wasi::clocks::monotonic_clock;

/// Why a token is wanted.
#[derive(Clone, Copy)]
pub enum Reason {
    /// There is none yet.
    Missing,
    /// The last one's lifetime is over.
    Expired,
    /// The server has refused the last one.
    Refused,
}

thread_local! {
    static WANTED: RefCell<Vec<(u64, Reason)>> = const { RefCell::new(Vec::new()) };
}

/// Takes the tokens of the calls for whose sessions a token is wanted, and why.
pub fn wanted() -> Vec<(u64, Reason)> {
    WANTED.take()
}

/// What authorises requests.
pub struct Credentials {
    source: Source,
    passport: Option<String>,
    /// Whether the server has asked for the scheme of macaroons.
    macaroon_everywhere: Cell<bool>,
    provided: RefCell<Provided>,
    redactor: RefCell<Redactor>,
}

/// What the host has provided.
#[derive(Default)]
struct Provided {
    token: Option<Token>,
    refused: bool,
    /// Those before, whose attempts may be under way.
    recent: Vec<String>,
    /// How many answers there were: what a call waits for is the next one.
    answers: u64,
    /// The last one, if it was none.
    failure: Option<Error>,
    /// The call that asks.
    leader: Option<u64>,
    waiting: LiteMap<u64, Waker>,
    waited: u64,
}

struct Token {
    credential: Credential,
    /// On the monotonic clock.
    expires_at: Option<u64>,
}

/// What an attempt was authorised with.
#[derive(PartialEq, Eq)]
pub struct Used {
    credential: Option<Credential>,
    scheme: Scheme,
}

impl Used {
    /// The value of `Authorization`.
    pub fn value(&self) -> Option<&str> {
        Some(self.credential.as_ref()?.value(self.scheme))
    }
}

impl Credentials {
    /// Those of a configuration.
    pub fn new(config: &Config) -> Rc<Self> {
        let credentials = Self {
            source: config.source.clone(),
            passport: config.passport.clone(),
            macaroon_everywhere: Cell::new(false),
            provided: RefCell::default(),
            redactor: RefCell::default(),
        };
        credentials.remember(&[]);
        Rc::new(credentials)
    }

    /// What takes the secrets out of texts.
    pub fn redactor(&self) -> std::cell::Ref<'_, Redactor> {
        self.redactor.borrow()
    }

    fn remember(&self, provided: &[String]) {
        let fixed = self.source.fixed().map(|credential| credential.token());
        let secrets = fixed.map(str::to_owned).into_iter();
        let secrets = secrets.chain(self.passport.clone());
        *self.redactor.borrow_mut() = Redactor::new(secrets.chain(provided.iter().cloned()));
    }

    /// What the next attempt is authorised with, waiting for the host if need be.
    ///
    /// # Errors
    ///
    /// Kind `credential`: the host has none, or it can't be asked.
    pub async fn next(&self, scheme: Option<Scheme>) -> Result<Option<Used>, Error> {
        let Some(scheme) = scheme else {
            return Ok(None);
        };
        let (credential, scheme) = match &self.source {
            Source::None => return Ok(None),
            Source::Token(credential) => (Some(credential.clone()), scheme),
            Source::Macaroon(credential) if self.macaroon_everywhere.get() => {
                (Some(credential.clone()), Scheme::Macaroon)
            }
            Source::Macaroon(credential) => (Some(credential.clone()), scheme),
            Source::Provided => {
                self.fresh().await?;
                let provided = self.provided.borrow();
                let token = provided.token.as_ref();
                (token.map(|token| token.credential.clone()), scheme)
            }
        };
        Ok(Some(Used { credential, scheme }))
    }

    /// Waits until there is a token that is good for something.
    async fn fresh(&self) -> Result<(), Error> {
        if self.stale().is_none() {
            return Ok(());
        }
        if runtime::is_blocking() {
            return Err(failed(
                "there is no token, and a caller that blocks can't be given one; provide it first",
            ));
        }
        let mut provided = self.provided.borrow_mut();
        let number = provided.waited;
        provided.waited += 1;
        let answers = provided.answers;
        drop(provided);
        Waiting {
            credentials: self,
            number,
            answers,
        }
        .await
    }

    /// Why another token is wanted, if one is.
    fn stale(&self) -> Option<Reason> {
        let provided = self.provided.borrow();
        let Some(token) = &provided.token else {
            return Some(Reason::Missing);
        };
        if provided.refused {
            return Some(Reason::Refused);
        }
        let expires_at = token.expires_at?;
        (expires_at <= monotonic_clock::now()).then_some(Reason::Expired)
    }

    /// The server has refused an attempt with 401. `challenged`: it asks for the scheme of macaroons.
    /// Whether another attempt may fare better.
    pub fn refused(&self, used: &Used, challenged: bool) -> bool {
        match &self.source {
            Source::Macaroon(_) if challenged && used.scheme == Scheme::Bearer => {
                self.macaroon_everywhere.set(true);
                true
            }
            Source::Provided => {
                let mut provided = self.provided.borrow_mut();
                let current = provided.token.as_ref().map(|token| &token.credential);
                if current == used.credential.as_ref() {
                    provided.refused = true;
                }
                true
            }
            _ => false,
        }
    }

    /// The host's answer.
    pub fn provide(&self, answer: Result<(String, Option<u64>), String>) {
        let answer = match answer {
            Ok((token, lifetime)) => credential::provided(&token).map(|credential| Token {
                credential,
                expires_at: lifetime
                    .map(|lifetime| monotonic_clock::now().saturating_add(lifetime)),
            }),
            Err(message) => Err(failed(&message)),
        };
        let mut provided = self.provided.borrow_mut();
        match answer {
            Ok(token) => {
                provided.recent.push(token.credential.token().to_owned());
                if provided.recent.len() > RECENT_CREDENTIALS {
                    provided.recent.remove(0);
                }
                self.remember(&provided.recent);
                provided.token = Some(token);
                provided.refused = false;
                provided.failure = None;
            }
            Err(failure) => provided.failure = Some(failure),
        }
        provided.answers += 1;
        provided.leader = None;
        for waker in provided.waiting.values() {
            waker.wake_by_ref();
        }
    }
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Credential, "token_provider_failed", message)
}

/// A call that waits for a token. The first of them asks for all.
struct Waiting<'a> {
    credentials: &'a Credentials,
    number: u64,
    /// How many answers there were when it began to.
    answers: u64,
}

impl Future for Waiting<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reason = self.credentials.stale();
        let mut provided = self.credentials.provided.borrow_mut();
        if provided.answers != self.answers {
            return Poll::Ready(provided.failure.clone().map_or(Ok(()), Err));
        }
        provided
            .waiting
            .insert(self.number, context.waker().clone());
        if provided.leader.is_none() {
            provided.leader = Some(self.number);
            let reason = reason.unwrap_or(Reason::Missing);
            WANTED.with_borrow_mut(|wanted| wanted.push((runtime::current(), reason)));
        }
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut provided = self.credentials.provided.borrow_mut();
        provided.waiting.remove(&self.number);
        if provided.leader == Some(self.number) {
            provided.leader = None;
            if let Some(waker) = provided.waiting.values().next() {
                waker.wake_by_ref();
            }
        }
    }
}
