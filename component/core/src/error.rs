//! Why a call failed. `docs/errors.md` tells when each kind is raised.

use crate::problem::Problem;

/// What sort of thing went wrong: a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename_all = "kebab-case")
)]
pub enum ErrorKind {
    /// The caller's arguments can't be sent.
    Request,
    /// The configuration is no good.
    Config,
    /// The server answered with an error or a redirect.
    Problem,
    /// The exchange failed in a way that has no kind of its own.
    Network,
    /// The host name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// TLS could not be agreed on.
    Tls,
    /// A time-out passed.
    Timeout,
    /// Request or response are larger than configured.
    TooLarge,
    /// The queue of waiting calls is full.
    Overload,
    /// The session was closed.
    Closed,
    /// An event stream was lost for good, or is none.
    Stream,
    /// A caveat of the session refuses it.
    Capability,
    /// There is no token to go on with.
    Credential,
}

/// The part of a call that a time-out bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename_all = "lowercase")
)]
pub enum Phase {
    /// Resolving, connecting, TLS.
    Connect,
    /// Waiting for bytes.
    Read,
    /// Sending bytes.
    Write,
    /// The whole call.
    Overall,
}

/// An error as the component reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What sort of thing went wrong.
    pub kind: ErrorKind,
    /// A name for it: an open set.
    pub code: String,
    /// A sentence that names the input and the mend.
    pub message: String,
    /// Which time-out passed.
    pub phase: Option<Phase>,
    /// The server's answer, for [`ErrorKind::Problem`].
    pub problem: Option<Box<Problem>>,
}

const CERTIFICATE: &str = "tls_certificate_error";

impl Error {
    /// An error without phase or problem.
    pub fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            phase: None,
            problem: None,
        }
    }

    /// The caller's argument `what` can't be sent.
    pub fn request(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, code, message)
    }

    /// A time-out of `phase`.
    pub fn timeout(phase: Phase, message: impl Into<String>) -> Self {
        let code = match phase {
            Phase::Connect => "connect_timeout",
            Phase::Read => "read_timeout",
            Phase::Write => "write_timeout",
            Phase::Overall => "overall_timeout",
        };
        Self {
            phase: Some(phase),
            ..Self::new(ErrorKind::Timeout, code, message)
        }
    }

    /// The server's certificate is not trusted.
    pub fn certificate(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Tls, CERTIFICATE, message)
    }

    /// Whether it is [such](Self::certificate): who does not prove to be the server now will not the
    /// next time.
    pub fn is_of_certificate(&self) -> bool {
        self.kind == ErrorKind::Tls && self.code == CERTIFICATE
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Some(Box::new(problem.clone())),
            ..Self::new(ErrorKind::Problem, &problem.code, problem.message)
        }
    }
}
