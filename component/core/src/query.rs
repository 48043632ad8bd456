//! Queries: RFC 3986, section 3.4.

use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::credential;
use crate::error::Error;
use crate::message::{control, quoted};
use crate::percent::{NOT_QUERY, NOT_UNRESERVED, push_encoded};

/// Encodes the query that stood in the path and the given parameters into one. The result is empty
/// if there is nothing to send.
///
/// # Errors
///
/// Refuses control characters and credentials (kind `request`). The message does not repeat values,
/// which may be secret.
pub fn encode(written: Option<&str>, parameters: &[(String, String)]) -> Result<String, Error> {
    let mut query = String::new();
    if let Some(written) = written {
        refuse_control(|| "the query in the path".to_owned(), written)?;
        push_encoded(&mut query, written, NOT_QUERY);
        for parameter in written.split('&') {
            let decoded = percent_decode_str(parameter).decode_utf8_lossy();
            let (name, value) = decoded.split_once('=').unwrap_or((&decoded, ""));
            credential::check_parameter(name, value)?;
        }
    }
    for (name, value) in parameters {
        refuse_control(|| format!("the query name {}", quoted(name)), name)?;
        let what = || format!("the value of the query parameter {}", quoted(name));
        refuse_control(what, value)?;
        credential::check_parameter(name, value)?;
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, NOT_UNRESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, NOT_UNRESERVED));
    }
    Ok(query)
}

fn refuse_control(what: impl Fn() -> String, text: &str) -> Result<(), Error> {
    match control(text) {
        None => Ok(()),
        Some(found) => Err(Error::request(
            "invalid_query",
            format!(
                "{} holds the control character U+{:04X}; percent-encode it in the path's own query (…?name=a%{:02X}b) or send it in the body",
                what(),
                found as u32,
                found as u32
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        encoded: Vec<Case>,
        with_the_paths_own: Vec<Case>,
        refused: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        written: Option<String>,
        pairs: Vec<(String, String)>,
        #[serde(default)]
        query: String,
        #[serde(default)]
        named: Vec<String>,
    }

    #[test]
    fn every_query_of_the_vectors_is_encoded_or_refused_by_name() {
        let file: File = vectors::read("queries.json");
        assert!(file.encoded.len() > 15 && file.with_the_paths_own.len() > 10);
        for case in file.encoded.into_iter().chain(file.with_the_paths_own) {
            let query = encode(case.written.as_deref(), &case.pairs).unwrap();
            assert_eq!(query, case.query, "{:?} {:?}", case.written, case.pairs);
        }
        assert!(file.refused.len() > 5);
        for case in file.refused {
            let error = encode(None, &case.pairs).unwrap_err();
            assert_eq!(error.code, "invalid_query");
            for word in case.named {
                assert!(error.message.contains(&word), "{word}: {}", error.message);
            }
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_values() {
        let value = [("a".to_owned(), "hunter22\n".to_owned())];
        let name = [("a\n".to_owned(), "hunter22".to_owned())];
        for error in [
            encode(None, &value),
            encode(None, &name),
            encode(Some("key=hunter22\r"), &[]),
        ] {
            let message = error.unwrap_err().message;
            assert!(!message.contains("hunter22"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn parameters_come_back_as_they_were(
            pairs in prop::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 1..4)
        ) {
            if let Ok(query) = encode(None, &pairs) {
                prop_assert!(query.bytes().all(|b| b.is_ascii_graphic() && b != b'#'));
                let decoded: Vec<_> = query
                    .split('&')
                    .map(|pair| pair.split_once('=').unwrap())
                    .map(|(name, value)| [name, value].map(|text| percent_decode_str(text).decode_utf8().unwrap().into_owned()))
                    .map(|[name, value]| (name, value))
                    .collect();
                prop_assert_eq!(decoded, pairs);
            }
        }
    }
}
