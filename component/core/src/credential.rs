//! What requests are authorised with (RFC 9110, section 11).

use crate::defaults::MAX_CREDENTIAL_BYTES;
use crate::error::{Error, ErrorKind};

/// How a credential is sent (`protocol.md` 10, row 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// To the app plane, and to most of the node's paths.
    Bearer,
    /// Micronodes and their facets know no other scheme.
    Macaroon,
}

impl Scheme {
    /// That of a path behind the base URL.
    pub fn for_node(path: &str) -> Self {
        match path.starts_with("/v1/kv/") || path.starts_with("/facets/") {
            true => Self::Macaroon,
            false => Self::Bearer,
        }
    }
}

/// A credential as the values of `Authorization` that carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    bearer: String,
    macaroon: String,
}

const BEARER: &str = "Bearer ";
const MACAROON: &str = "Macro ";

impl Credential {
    /// A credential of this token.
    ///
    /// # Errors
    ///
    /// What is wrong with it, which `what` names in front.
    pub fn new(what: &str, token: &str) -> Result<Self, String> {
        if token.is_empty() {
            return Err(format!("{what} is empty; leave it out to send none"));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!(
                "{what} holds white space, control or non-ASCII characters; check how it was copied (a line end is common)"
            ));
        }
        if token.len() > MAX_CREDENTIAL_BYTES {
            let size = token.len();
            return Err(format!(
                "{what} has {size} bytes, more than {MAX_CREDENTIAL_BYTES}; check that it is one"
            ));
        }
        Ok(Self {
            bearer: [BEARER, token].concat(),
            macaroon: [MACAROON, token].concat(),
        })
    }

    /// The value of `Authorization`.
    pub fn value(&self, scheme: Scheme) -> &str {
        match scheme {
            Scheme::Bearer => &self.bearer,
            Scheme::Macaroon => &self.macaroon,
        }
    }

    /// The token itself.
    pub fn token(&self) -> &str {
        &self.bearer[BEARER.len()..]
    }
}

/// Where the credential of a session comes from.
#[derive(Clone, Default)]
pub enum Source {
    /// There is none.
    #[default]
    None,
    /// It is always the same, and its scheme is that of the path.
    Token(Credential),
    /// It is always the same, and its scheme may be learned from the server.
    Macaroon(Credential),
    /// The host is asked for it.
    Provided,
}

impl Source {
    /// The credential, if it is always the same.
    pub fn fixed(&self) -> Option<&Credential> {
        match self {
            Self::Token(credential) | Self::Macaroon(credential) => Some(credential),
            Self::None | Self::Provided => None,
        }
    }
}

/// A token that the host has provided, checked.
///
/// # Errors
///
/// Kind `credential`: it can't be sent.
pub fn provided(token: &str) -> Result<Credential, Error> {
    Credential::new("the token of the token provider", token)
        .map_err(|fault| Error::new(ErrorKind::Credential, "invalid_token", fault))
}

/// Whether a value of `WWW-Authenticate` holds a challenge of the scheme that micronodes know (RFC
/// 9110, section 11.6.1).
pub fn challenges_for_macaroon(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    // The name of a parameter is followed by an equals sign, that of a scheme is not.
    outside_of_quotes(value)
        .split(',')
        .filter_map(|challenge| challenge.split_ascii_whitespace().next())
        .any(|scheme| scheme.eq_ignore_ascii_case(MACAROON.trim_end()))
}

/// The value without its quoted strings (RFC 9110, section 5.6.4), which may hold anything.
fn outside_of_quotes(value: &str) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value
        .chars()
        .filter(|&c| {
            let was_quoted = is_quoted;
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = is_quoted,
                '"' => is_quoted = !is_quoted,
                _ => {}
            }
            !was_quoted && c != '"'
        })
        .collect()
}

/// What every token begins with that ron-auth writes: a CBOR map of five whose first name is `tid`
/// (`protocol.md` 5.2), in base64url.
const RON_AUTH: &str = "pWN0aWR";

/// Names of query parameters that carry credentials (RFC 6750, section 2.3; RFC 9110, section 11.6.2).
const SECRET_PARAMETERS: [&str; 3] = ["access_token", "authorization", "macaroon"];

/// Refuses a query parameter that carries a credential: URLs are logged wherever they pass
/// (`protocol.md` 4.3, row 25).
///
/// # Errors
///
/// Kind `request`. The value is not repeated.
pub fn check_parameter(name: &str, value: &str) -> Result<(), Error> {
    let is_named = SECRET_PARAMETERS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret));
    match is_named || value.starts_with(RON_AUTH) {
        true => Err(in_url()),
        false => Ok(()),
    }
}

/// A URL would hold a credential.
pub fn in_url() -> Error {
    Error::request(
        "secret_in_url",
        "the path or the query holds a credential, which would be logged wherever it passes; leave it out: the client sends its own in the Authorization header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_told_from_what_only_looks_like_one() {
        for (value, found) in [
            ("Macro realm=\"micronode\"", true),
            ("macro", true),
            ("Bearer realm=\"a, Macro b\"", false),
            ("Bearer realm=\"a\\\", Macro b\"", false),
            ("Bearer realm=\"x\", Macro realm=\"micronode\"", true),
            ("Bearer macro=\"x\"", false),
            ("Macros", false),
            ("", false),
        ] {
            assert_eq!(challenges_for_macaroon(value.as_bytes()), found, "{value}");
        }
        assert!(!challenges_for_macaroon(b"Macro \xFF"));
    }

    #[test]
    fn parameters_that_carry_credentials_are_refused_by_name_and_by_look() {
        for (name, value) in [
            ("access_token", "x"),
            ("Authorization", ""),
            ("MACAROON", "x"),
            ("next", "pWN0aWRhdGNraWRha2VzY29wZaM"),
        ] {
            let error = check_parameter(name, value).unwrap_err();
            assert_eq!(error.code, "secret_in_url");
            assert!(value.is_empty() || !error.message.contains("pWN0"));
        }
        for (name, value) in [("page_token", "abc"), ("token", "x"), ("q", "access_token")] {
            check_parameter(name, value).unwrap_or_else(|error| panic!("{}", error.message));
        }
    }

    #[test]
    fn a_token_is_checked_and_comes_back() {
        let credential = provided("abc").unwrap_or_else(|error| panic!("{}", error.message));
        assert_eq!(credential.value(Scheme::Bearer), "Bearer abc");
        assert_eq!(credential.value(Scheme::Macaroon), "Macro abc");
        assert_eq!(credential.token(), "abc");
        for token in ["", "a b", "a\n", "é", "\u{7f}", &"x".repeat(16_385)] {
            let error = provided(token).map(|_| ()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Credential);
            assert_eq!(error.code, "invalid_token");
        }
    }
}
