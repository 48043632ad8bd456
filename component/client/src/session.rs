//! Sessions: a configuration, and what a root and those derived from it share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;

use ron_core::config::Config;
use ron_core::retry::Budget;

use crate::limiter::Limiter;

/// What a root session and those derived from it share.
pub struct Root {
    /// Places for exchanges.
    pub limiter: Rc<Limiter>,
    /// What retries may cost.
    pub budget: RefCell<Budget>,
    /// Calls to wake when a session closes.
    calls: RefCell<BTreeMap<u64, Waker>>,
    calls_made: Cell<u64>,
}

/// A session.
pub struct Session {
    /// Its configuration.
    pub config: Config,
    /// What it shares.
    pub root: Rc<Root>,
    parent: Option<Rc<Session>>,
    closed: Cell<bool>,
}

impl Session {
    /// A root session.
    pub fn open(config: Config) -> Rc<Self> {
        Rc::new(Self {
            root: Rc::new(Root {
                limiter: Limiter::new(config.max_concurrency, config.max_queue),
                budget: RefCell::default(),
                calls: RefCell::default(),
                calls_made: Cell::new(0),
            }),
            config,
            parent: None,
            closed: Cell::new(false),
        })
    }

    /// A session that shares this one's root and ends with it.
    pub fn derive(self: &Rc<Self>, config: Config) -> Rc<Self> {
        Rc::new(Self {
            config,
            root: self.root.clone(),
            parent: Some(self.clone()),
            closed: Cell::new(false),
        })
    }

    /// Ends the session.
    pub fn close(&self) {
        self.closed.set(true);
        for waker in self.root.calls.borrow().values() {
            waker.wake_by_ref();
        }
    }

    /// Whether it, or one that it is derived from, was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.is_closed())
    }

    /// A text without the credential.
    pub fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.config.redactor.scrub(&mut text);
        text
    }

    /// Has `waker` woken when a session of this root closes, until the result is dropped.
    pub fn watch(&self, waker: &Waker) -> Watch {
        let id = self.root.calls_made.get();
        self.root.calls_made.set(id + 1);
        self.root.calls.borrow_mut().insert(id, waker.clone());
        Watch {
            root: self.root.clone(),
            id,
        }
    }
}

/// A call's wish to hear of closing.
pub struct Watch {
    root: Rc<Root>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.root.calls.borrow_mut().remove(&self.id);
    }
}
