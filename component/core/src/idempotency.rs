//! `Idempotency-Key`: checked, or derived from a name.

use sha2::{Digest, Sha256};

use crate::defaults::{MAX_IDEMPOTENCY_KEY_BYTES, MAX_IDEMPOTENCY_NAME_BYTES};
use crate::error::Error;
use crate::message::quoted;
use crate::origin::Origin;

/// A key that the caller has given.
///
/// # Errors
///
/// Kind `request`: it is none (`protocol.md` 1.12).
pub fn checked(key: &str) -> Result<&str, Error> {
    if key.is_empty()
        || key.len() > MAX_IDEMPOTENCY_KEY_BYTES
        || !key.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(invalid(format!(
            "the idempotency key {} is not 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters (protocol.md 1.12); derive one with IdempotencyKey.derive",
            quoted(key)
        )));
    }
    Ok(key)
}

/// What makes a derived key one of this call and nobody else's.
pub struct Scope<'a> {
    /// Where the call goes.
    pub origin: &'a Origin,
    /// The credential as it is sent. Only its digest goes in.
    pub authorization: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The path, encoded, without query.
    pub path: &'a str,
    /// The caller's name for what is to happen once.
    pub name: &'a str,
}

/// The key of a scope: equal parts give the same key in any process, and no two tenants share one.
/// `tests/vectors/README.md` says how it is made.
///
/// # Errors
///
/// Kind `request`: the name is empty or too long.
pub fn derived(scope: &Scope<'_>) -> Result<String, Error> {
    let size = scope.name.len();
    if size == 0 || size > MAX_IDEMPOTENCY_NAME_BYTES {
        return Err(invalid(format!(
            "the name that an idempotency key is derived from has {size} bytes; give 1 to {MAX_IDEMPOTENCY_NAME_BYTES}"
        )));
    }
    let origin = scope.origin;
    let scheme = if origin.secure { "https" } else { "http" };
    let credential = scope.authorization.map_or_else(String::new, digest);
    Ok(digest(
        &[
            "ron-idempotency-key-1",
            scheme,
            &origin.authority,
            &credential,
            scope.method,
            scope.path,
            scope.name,
        ]
        .join("\0"),
    ))
}

fn digest(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = Sha256::digest(text);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn invalid(message: String) -> Error {
    Error::request("invalid_idempotency_key", message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        derived: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        base_url: String,
        authorization: Option<String>,
        method: String,
        path: String,
        name: String,
        key: String,
    }

    #[test]
    fn keys_are_those_of_the_vectors_and_no_two_cases_share_one() {
        let file: File = vectors::read("idempotency.json");
        let mut keys = BTreeSet::new();
        for case in &file.derived {
            let origin = Origin::parse(&case.base_url, true).unwrap();
            let key = derived(&Scope {
                origin: &origin,
                authorization: case.authorization.as_deref(),
                method: &case.method,
                path: &case.path,
                name: &case.name,
            })
            .unwrap();
            assert_eq!(key, case.key, "{}", case.name);
            assert_eq!(checked(&key).unwrap(), key);
            keys.insert(key);
        }
        assert!(keys.len() == file.derived.len() && keys.len() > 5);
    }

    #[test]
    fn a_name_that_is_empty_or_too_long_is_refused() {
        let origin = Origin::parse("https://e", false).unwrap();
        for name in ["", &"x".repeat(MAX_IDEMPOTENCY_NAME_BYTES + 1)] {
            let scope = Scope {
                origin: &origin,
                authorization: None,
                method: "POST",
                path: "/app/x",
                name,
            };
            assert_eq!(derived(&scope).unwrap_err().code, "invalid_idempotency_key");
        }
    }
}
