//! Methods (RFC 9110, section 9).

use crate::error::Error;
use crate::header;
use crate::message::quoted;

/// The names that the Fetch standard brings into upper case; others are sent as given.
///
/// # Errors
///
/// Kind `request`: it is none, or none for this client.
pub fn checked(given: &str) -> Result<String, Error> {
    if !header::is_token(given) {
        return Err(Error::request(
            "invalid_method",
            format!(
                "method {} is not a token; use a name such as GET",
                quoted(given)
            ),
        ));
    }
    let upper = given.to_ascii_uppercase();
    match upper.as_str() {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => Ok(upper),
        "CONNECT" | "TRACE" | "TRACK" => Err(Error::request(
            "invalid_method",
            format!(
                "method {} is not for the app plane; use another",
                quoted(given)
            ),
        )),
        _ => Ok(given.to_owned()),
    }
}

/// Whether a method may be repeated without harm (RFC 9110, section 9.2.2).
pub fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_are_not_for_the_app_plane_are_refused() {
        for method in ["", "GE T", "GET\n", "é", "CONNECT", "trace"] {
            let error = checked(method).expect_err(method);
            assert_eq!(error.code, "invalid_method");
        }
        assert_eq!(checked("purge").as_deref(), Ok("purge"));
    }

    #[test]
    fn idempotent_are_the_methods_that_rfc_9110_names_and_no_others() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(is_idempotent(method), "{method}");
        }
        for method in ["POST", "PATCH", "get", ""] {
            assert!(!is_idempotent(method), "{method}");
        }
    }
}
