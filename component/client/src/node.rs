//! `ron:app/node`: sessions beside the app plane.

use ron_core::plane::Plane;

use crate::Client;
use crate::resources::SessionHandle;
use crate::wit::exports::ron::app::node::{Credential, Guest, Session, SessionBorrow};

impl Guest for Client {
    fn open(session: SessionBorrow<'_>, credential: Credential) -> Session {
        Session::new(SessionHandle {
            session: session.get::<SessionHandle>().session.clone(),
            plane: Plane::Node {
                credential: matches!(credential, Credential::Include),
            },
        })
    }
}
