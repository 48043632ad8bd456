//! `ron:app/admin`: opening sessions.

use ron_core::config::Config;

use crate::resources::SessionHandle;
use crate::session::Session;
use crate::wit::exports::ron::app::admin::{
    Configuration, Error, Guest, Overrides, Session as SessionResource, SessionBorrow,
};
use crate::{Client, convert};

impl Guest for Client {
    fn open(configuration: Configuration) -> Result<SessionResource, Error> {
        let config = Config::new(convert::settings(configuration)).map_err(convert::error)?;
        Ok(SessionResource::new(SessionHandle(Session::open(config))))
    }

    fn derive(parent: SessionBorrow<'_>, overrides: Overrides) -> Result<SessionResource, Error> {
        let parent = &parent.get::<SessionHandle>().0;
        let config = parent
            .config
            .derive(convert::overrides(&overrides))
            .map_err(convert::error)?;
        Ok(SessionResource::new(SessionHandle(parent.derive(config))))
    }

    fn budget(session: SessionBorrow<'_>) -> u32 {
        let root = &session.get::<SessionHandle>().0.root;
        root.budget.borrow().tokens()
    }

    fn close(session: SessionBorrow<'_>) {
        session.get::<SessionHandle>().0.close();
    }
}
