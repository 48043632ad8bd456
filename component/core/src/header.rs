//! Fields of a request: RFC 9110, section 5.

use crate::defaults::MAX_HEADER_BYTES;
use crate::error::{Error, ErrorKind};
use crate::message::quoted;

/// A field name and its value. Values of requests are ASCII.
pub type Field = (String, Vec<u8>);

/// Where an event stream is to go on: WHATWG HTML, section 9.2.4.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Names that callers may not set, and what to do instead: design invariants 3 and 5.
const RESERVED: &[(&str, &str)] = &[
    ("authorization", CREDENTIAL),
    ("connection", FRAMING),
    ("content-length", FRAMING),
    ("cookie", CREDENTIAL),
    ("expect", FRAMING),
    ("forwarded", INTERMEDIARY),
    ("host", "the host is that of base_url"),
    ("http2-settings", FRAMING),
    ("keep-alive", FRAMING),
    ("te", FRAMING),
    ("trailer", FRAMING),
    ("transfer-encoding", FRAMING),
    ("upgrade", FRAMING),
    ("x-http-method", METHOD),
    ("x-http-method-override", METHOD),
    ("x-method-override", METHOD),
    ("x-original-url", PATH),
    ("x-real-ip", INTERMEDIARY),
    ("x-rewrite-url", PATH),
];

/// Families of names that callers may not set, likewise.
const RESERVED_PREFIXES: &[(&str, &str)] = &[
    ("proxy-", INTERMEDIARY),
    ("x-forwarded-", INTERMEDIARY),
    (
        "x-ron-",
        "these names are for RON nodes; use another one or the body",
    ),
];

const CREDENTIAL: &str = "give the credential as token=; cookies are never sent";
const FRAMING: &str = "the transport sets what frames a request";
const INTERMEDIARY: &str = "it is for proxies and gateways, which trust what it says";
const METHOD: &str = "give the method itself to request()";
const PATH: &str = "servers may take it for the path; give the path itself";

/// Whether `name` is a token of RFC 9110, section 5.6.2.
pub fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Checks a field that a caller wants to send.
///
/// # Errors
///
/// Kind `request` for a malformed or reserved name and for a value that is not printable ASCII.
pub fn check(name: &str, value: &str) -> Result<(), Error> {
    if !is_token(name) {
        return Err(invalid(format!(
            "header name {} is not a token (RFC 9110, section 5.6.2); use letters, digits and hyphens",
            quoted(name)
        )));
    }
    let lower = name.to_ascii_lowercase();
    if let Some(instead) = reserved(&lower) {
        return Err(Error::request(
            "reserved_header",
            format!(
                "header {} is reserved; remove it from headers: {instead}",
                quoted(name)
            ),
        ));
    }
    check_value(&format!("header {}", quoted(name)), value).map_err(invalid)
}

/// What to do instead of setting the field of this name, if it is reserved.
fn reserved(lower: &str) -> Option<&'static str> {
    let names = RESERVED.iter().filter(|(name, _)| *name == lower);
    let families = RESERVED_PREFIXES
        .iter()
        .filter(|(prefix, _)| lower.starts_with(prefix));
    names.chain(families).map(|(_, instead)| *instead).next()
}

/// Checks a field value; `what` names it in the message of the error.
///
/// # Errors
///
/// The message alone, for the caller to give it a kind. It does not repeat the value, which may be
/// a secret.
pub fn check_value(what: &str, value: &str) -> Result<(), String> {
    if let Some(found) = value.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        return Err(format!(
            "{what} holds the control character U+{:04X}; remove it",
            found as u32
        ));
    }
    if let Some(found) = value.chars().find(|c| !c.is_ascii()) {
        return Err(format!(
            "{what} holds '{found}' (U+{:04X}); field values are ASCII: percent-encode it or send it in the body",
            found as u32
        ));
    }
    if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
        return Err(format!(
            "{what} begins or ends with white space, which does not survive; strip it"
        ));
    }
    Ok(())
}

/// Checks the size of a whole header section.
///
/// # Errors
///
/// Kind `too-large`.
pub fn check_size(fields: &[Field]) -> Result<(), Error> {
    let size: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    if size as u64 > MAX_HEADER_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "request_headers_too_large",
            format!(
                "the request's headers take {size} bytes, more than {MAX_HEADER_BYTES}; send the data in the body"
            ),
        ));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::request("invalid_header", message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        reserved: Vec<String>,
        reserved_prefixes: Vec<String>,
        refused_as_reserved: Vec<Case>,
        refused_as_malformed: Vec<Case>,
        accepted: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(default)]
        value: String,
        #[serde(default)]
        named: Vec<String>,
    }

    fn refused(cases: Vec<Case>, code: &str) {
        for case in cases {
            let error = check(&case.name, &case.value).unwrap_err();
            assert_eq!(error.code, code, "{:?} {:?}", case.name, case.value);
            assert!(!error.message.contains("hunter22"));
            for word in case.named {
                assert!(error.message.contains(&word), "{word}: {}", error.message);
            }
        }
    }

    #[test]
    fn the_reserved_names_are_those_of_the_vectors() {
        let file: File = vectors::read("headers.json");
        let names = |list: &[(&str, &str)]| -> Vec<String> {
            list.iter().map(|(name, _)| (*name).to_owned()).collect()
        };
        assert_eq!(names(RESERVED), file.reserved);
        assert_eq!(names(RESERVED_PREFIXES), file.reserved_prefixes);
    }

    #[test]
    fn reserved_names_are_refused_in_any_case_with_what_to_do_instead() {
        let file: File = vectors::read("headers.json");
        assert!(file.refused_as_reserved.len() > file.reserved.len());
        refused(file.refused_as_reserved, "reserved_header");
    }

    #[test]
    fn malformed_names_and_values_are_refused_without_repeating_the_value() {
        let file: File = vectors::read("headers.json");
        assert!(file.refused_as_malformed.len() > 20);
        refused(file.refused_as_malformed, "invalid_header");
    }

    #[test]
    fn names_and_values_that_are_merely_odd_pass() {
        let file: File = vectors::read("headers.json");
        assert!(file.accepted.len() > 10);
        for Case { name, value, .. } in file.accepted {
            check(&name, &value).unwrap_or_else(|error| panic!("{}", error.message));
        }
    }

    #[test]
    fn a_header_section_over_the_limit_is_refused() {
        let fields = vec![("a".to_owned(), vec![b'b'; MAX_HEADER_BYTES as usize])];
        assert_eq!(check_size(&fields).unwrap_err().kind, ErrorKind::TooLarge);
    }
}
