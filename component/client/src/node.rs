//! `ron:app/node`: calls and subscriptions beside the app plane.

use ron_core::request::Plane;

use crate::Client;
use crate::resources::SessionHandle;
use crate::streams::Subscription;
use crate::wit::exports::ron::app::{node, session, types};

impl node::Guest for Client {
    fn start(
        session: session::SessionBorrow<'_>,
        request: types::Request,
        credential: node::Credential,
        token: u64,
    ) -> session::Call {
        let session = session.get::<SessionHandle>();
        session.started(node_plane(credential), request, token)
    }

    fn subscribe(
        session: session::SessionBorrow<'_>,
        request: types::Request,
        credential: node::Credential,
        options: node::Options,
        token: u64,
    ) -> node::Subscription {
        let session = &session.get::<SessionHandle>().0;
        Subscription::begin(session, node_plane(credential), request, options, token)
    }
}

fn node_plane(credential: node::Credential) -> Plane {
    Plane::Node {
        credential: matches!(credential, node::Credential::Include),
    }
}
