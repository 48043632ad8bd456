//! The planes of a gateway or a node.

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// To `/app`.
    App,
    /// To any path behind the base URL.
    Node {
        /// Whether the credential is sent.
        credential: bool,
    },
}
