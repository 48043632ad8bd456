//! Paths that cannot leave the app plane.
//!
//! The real gateway decodes a path once, pastes it into a URL and parses that again
//! (`protocol.md` 1.3), so `%2e%2e`, `.%09./` and a final `..%20` escape there. A path is therefore
//! decoded here until nothing changes, and every layer has to be harmless.

use percent_encoding::percent_decode_str;

use crate::defaults::PATH_DECODE_ROUNDS;
use crate::error::Error;
use crate::message::{control, quoted};
use crate::percent::{NOT_PCHAR, push_encoded};

/// The root of the app plane on a gateway.
pub const APP_PLANE: &str = "/app";

/// A caller's path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// The encoded path, a slash in front.
    pub path: String,
    /// What the caller wrote behind the question mark.
    pub query: Option<&'a str>,
}

/// Checks and encodes a path of the app plane. What is encoded already stays byte for byte.
///
/// # Errors
///
/// Kind `request`, naming the offending part: absolute URLs, dot segments (also with spaces around
/// them or parameters behind them), fragments, backslashes, control characters, and any of these (or
/// a slash or a question mark) hidden by percent-encoding. The query is not repeated: it may hold a
/// secret.
pub fn app_path(written: &str) -> Result<Path<'_>, Error> {
    let mut path = node_path(written)?;
    let in_plane = written
        .strip_prefix(APP_PLANE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if !in_plane {
        path.path.insert_str(0, APP_PLANE);
    }
    Ok(path)
}

/// As [`app_path`], for any path behind the base URL.
///
/// # Errors
///
/// As [`app_path`].
pub fn node_path(written: &str) -> Result<Path<'_>, Error> {
    let (path, query) = match written.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (written, None),
    };
    if written.contains('#') {
        return Err(refused(
            path.split('#').next().unwrap_or_default(),
            "a fragment ('#') is never sent; encode it as %23 in a query or leave it out",
        ));
    }
    if path.starts_with("//") {
        return Err(refused(
            path,
            "it names another host ('//'); give a path such as /hello",
        ));
    }
    if has_scheme(path) {
        return Err(refused(
            path,
            "it is an absolute URL; give a path such as /hello and the host as base_url",
        ));
    }
    check_layers(path)?;

    let mut encoded = String::with_capacity(APP_PLANE.len() + path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    push_encoded(&mut encoded, path, NOT_PCHAR);
    Ok(Path {
        path: encoded,
        query,
    })
}

/// `^[A-Za-z][A-Za-z0-9+.-]*:`, as in RFC 3986, section 3.1.
fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))
    })
}

fn check_layers(path: &str) -> Result<(), Error> {
    for segment in path.split('/') {
        check_segment(path, segment, segment)?;
        let mut layer = segment.to_owned();
        let mut rounds = 0;
        loop {
            let decoded = match percent_decode_str(&layer).decode_utf8() {
                Ok(decoded) => decoded.into_owned(),
                Err(_) => {
                    return Err(refused(
                        path,
                        format!(
                            "the segment {} decodes to invalid UTF-8; percent-encode the UTF-8 form",
                            quoted(segment)
                        ),
                    ));
                }
            };
            if decoded == layer {
                break;
            }
            if rounds == PATH_DECODE_ROUNDS {
                return Err(refused(
                    path,
                    format!(
                        "the segment {} is percent-encoded more than {PATH_DECODE_ROUNDS} times over; encode it once",
                        quoted(segment)
                    ),
                ));
            }
            if let Some(hidden) = decoded.chars().find(|c| matches!(c, '/' | '?' | '#')) {
                return Err(refused(
                    path,
                    format!(
                        "the segment {} hides '{hidden}' by percent-encoding, which does not survive the gateway; put the value into the query or the body",
                        quoted(segment)
                    ),
                ));
            }
            check_segment(path, segment, &decoded)?;
            layer = decoded;
            rounds += 1;
        }
    }
    Ok(())
}

fn check_segment(path: &str, segment: &str, layer: &str) -> Result<(), Error> {
    if is_dot_segment(layer) {
        return Err(refused(
            path,
            format!(
                "the segment {} is a dot segment, which could leave the app plane; write the path out",
                quoted(segment)
            ),
        ));
    }
    if layer.contains('\\') {
        return Err(refused(
            path,
            format!(
                "the segment {} holds a backslash, which some servers read as '/'; use '/' or put the value into the query",
                quoted(segment)
            ),
        ));
    }
    if let Some(found) = control(layer) {
        return Err(refused(
            path,
            format!(
                "the segment {} holds the control character U+{:04X}; remove it or send it in the body",
                quoted(segment),
                found as u32
            ),
        ));
    }
    Ok(())
}

/// Whether a server could read `segment` as `.` or `..`: parsers of whole URLs cut spaces off at
/// their end (WHATWG), others cut parameters off (RFC 3986, section 3.3).
fn is_dot_segment(segment: &str) -> bool {
    let name = segment
        .split_once(';')
        .map_or(segment, |(name, _parameters)| name);
    matches!(name.trim_matches(' '), "." | "..")
}

fn refused(path: &str, why: impl AsRef<str>) -> Error {
    Error::request(
        "invalid_path",
        format!("path {} is refused: {}", quoted(path), why.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use url::Url;

    use super::*;
    use crate::{query, vectors};

    #[derive(Deserialize)]
    struct File {
        accepted: Vec<Accepted>,
        refused: Vec<Refused>,
    }

    #[derive(Deserialize)]
    struct Accepted {
        written: String,
        target: String,
    }

    #[derive(Deserialize)]
    struct Refused {
        written: String,
        named: Vec<String>,
    }

    #[test]
    fn every_path_of_the_vectors_is_encoded_or_refused_by_name() {
        let file: File = vectors::read("paths.json");
        assert!(file.accepted.len() > 50 && file.refused.len() > 80);
        for Accepted { written, target } in file.accepted {
            let path = app_path(&written).unwrap_or_else(|error| panic!("{}", error.message));
            let mut found = path.path;
            let query = query::encode(path.query, &[]).unwrap();
            if !query.is_empty() {
                found = format!("{found}?{query}");
            }
            assert_eq!(found, target, "{written:?}");
        }
        for Refused { written, named } in file.refused {
            let error = app_path(&written).expect_err(&written);
            assert_eq!(error.code, "invalid_path");
            assert!(!error.message.contains(['\0', '\r', '\n']));
            for word in named {
                assert!(error.message.contains(&word), "{word}: {}", error.message);
            }
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_query() {
        let error = app_path("/..?key=hunter22").unwrap_err();
        assert!(!error.message.contains("hunter22"), "{}", error.message);
        let error = app_path("/x?key=hunter22#f").unwrap_err();
        assert!(!error.message.contains("hunter22"), "{}", error.message);
    }

    fn written() -> impl Strategy<Value = String> {
        "(/|\\.|\\.\\.|%2e|%2E|%25|%2f|%5c|2e|\\\\|%09| |%20|;|:|@|%|%3b|a|é|%c3%a9|%c0%ae|．|\\PC){0,12}"
    }

    proptest! {
        /// Decoding an accepted path as often as one likes shows no dot segment and no control.
        #[test]
        fn an_accepted_path_is_harmless_in_every_layer(written in written()) {
            if let Ok(accepted) = app_path(&written) {
                prop_assert!(accepted.path.starts_with("/app"));
                prop_assert!(accepted.path.is_ascii());
                let mut layer = accepted.path;
                for _ in 0..8 {
                    prop_assert!(layer.split(['/', '\\']).all(|s| s != "." && s != ".."), "{layer}");
                    prop_assert!(control(&layer).is_none());
                    layer = percent_decode_str(&layer).decode_utf8().unwrap().into_owned();
                }
            }
        }

        /// What the real gateway does with a path: `protocol.md` 1.3.
        #[test]
        fn a_gateway_that_decodes_and_parses_again_stays_in_the_app_plane(
            written in written(),
            more_layers in 0..3,
        ) {
            if let Ok(accepted) = app_path(&written) {
                let mut tail = accepted.path.strip_prefix("/app").unwrap().to_owned();
                for _ in 0..=more_layers {
                    tail = percent_decode_str(&tail).decode_utf8().unwrap().into_owned();
                }
                let upstream = Url::parse(&format!("http://omnigate:9090/v1/app{tail}")).unwrap();
                prop_assert!(upstream.path().starts_with("/v1/app"), "{upstream}");
                prop_assert_eq!(upstream.host_str(), Some("omnigate"));
                prop_assert_eq!((upstream.query(), upstream.fragment()), (None, None));
                let segments = |path: &str| path.split('/').count();
                prop_assert_eq!(segments(upstream.path()), segments(&tail) + 2, "{}", upstream);
            }
        }
    }
}
