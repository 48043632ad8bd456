//! Queries: RFC 3986, section 3.4.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::Error;
use crate::path::{control, push_encoded, quoted};

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What may not stand in a query that the caller wrote: all but the `query` of RFC 3986, section
/// 3.4. The percent sign is handled apart.
const WRITTEN: &AsciiSet = &COMPONENT
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?');

/// Encodes the query that stood in the path and the given parameters into one. The result is empty
/// if there is nothing to send.
///
/// # Errors
///
/// Refuses control characters (kind `request`). The message does not repeat values, which may be
/// secret.
pub fn encode(written: Option<&str>, parameters: &[(String, String)]) -> Result<String, Error> {
    let mut query = String::new();
    if let Some(written) = written {
        refuse_control(|| "the query in the path".to_owned(), written)?;
        push_encoded(&mut query, written, WRITTEN);
    }
    for (name, value) in parameters {
        refuse_control(|| format!("the query name {}", quoted(name)), name)?;
        let what = || format!("the value of the query parameter {}", quoted(name));
        refuse_control(what, value)?;
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, COMPONENT));
        query.push('=');
        query.extend(utf8_percent_encode(value, COMPONENT));
    }
    Ok(query)
}

/// `text` as it may stand anywhere in a URI: all but the unreserved characters percent-encoded.
pub fn encoded_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
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
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn parameters_are_encoded_and_appended_to_what_the_path_says() {
        let query = encode(
            Some("a=1%20b"),
            &pairs(&[("é", "ü & =/?"), ("tilde", "~._-")]),
        );
        assert_eq!(
            query.unwrap(),
            "a=1%20b&%C3%A9=%C3%BC%20%26%20%3D%2F%3F&tilde=~._-"
        );
    }

    #[test]
    fn control_characters_are_refused_in_names_and_values_without_repeating_the_value() {
        for parameters in [[("a\n", "hunter22")], [("", "hunter22\0")]] {
            let error = encode(None, &pairs(&parameters)).unwrap_err();
            assert!(!error.message.contains("hunter22"), "{}", error.message);
        }
        let error = encode(Some("key=hunter22\r"), &[]).unwrap_err();
        assert!(!error.message.contains("hunter22"), "{}", error.message);
    }
}
