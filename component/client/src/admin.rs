//! `ron:app/admin`: opening sessions.

use std::rc::Rc;

use ron_core::config::Config;
use ron_core::plane::Plane;

use crate::resources::SessionHandle;
use crate::session::{self, Session};
use crate::wit::exports::ron::app::admin::{
    Configuration, Error, Guest, Overrides, ProvidedToken, Session as SessionResource,
    SessionBorrow,
};
use crate::{Client, convert};

impl Guest for Client {
    fn open(configuration: Configuration) -> Result<SessionResource, Error> {
        let config = Config::new(convert::settings(configuration)).map_err(convert::error)?;
        Ok(resource(Session::open(config)))
    }

    fn derive(parent: SessionBorrow<'_>, overrides: Overrides) -> Result<SessionResource, Error> {
        let parent = &parent.get::<SessionHandle>().session;
        let overrides = convert::overrides(overrides);
        let session = parent.derive(overrides, session::wall_clock());
        Ok(resource(session.map_err(convert::error)?))
    }

    fn provide(session: SessionBorrow<'_>, token: Result<ProvidedToken, String>) {
        let credentials = &session.get::<SessionHandle>().session.credentials;
        credentials.provide(token.map(|given| (given.token, given.lifetime)));
    }

    fn budget(session: SessionBorrow<'_>) -> u32 {
        let root = &session.get::<SessionHandle>().session.root;
        root.budget.borrow().tokens()
    }

    fn close(session: SessionBorrow<'_>) {
        session.get::<SessionHandle>().session.close();
    }
}

fn resource(session: Rc<Session>) -> SessionResource {
    SessionResource::new(SessionHandle {
        session,
        plane: Plane::App,
    })
}
