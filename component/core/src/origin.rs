//! Where requests go: the base URL.
//!
//! A host compares the origin of what is to be sent with the base URL as the caller wrote it, by
//! plain text. So a base URL is refused unless its text is what a URL parser reads (WHATWG), but for
//! letter case and the scheme's own port: `http://0x7f.1` and `http://ｅ` name other hosts than
//! they seem to. The error shows what a URL parser reads.

use fluent_uri::Uri;
use percent_encoding::AsciiSet;

use crate::host::Host;
use crate::message::quoted;
use crate::path::APP_PLANE;
use crate::percent::{NOT_PCHAR, push_encoded};

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `true` for https.
    pub secure: bool,
    /// Host and, unless it is the scheme's own, port.
    pub authority: String,
    /// What stands in front of `/app`; empty or a path without a slash at its end.
    pub prefix: String,
}

impl Origin {
    /// Reads a base URL: an http or https URL (RFC 3986) with or without a path, in the form in which
    /// the URL standard would write it. `/app` and slashes at its end are dropped.
    ///
    /// # Errors
    ///
    /// The message alone, for the caller to give it a kind. It shows what to write instead, unless
    /// the text has an `@`: what stands before that may be a password.
    pub fn parse(base_url: &str, allow_insecure_http: bool) -> Result<Self, String> {
        if !base_url.is_ascii() {
            return Err("base_url holds characters beyond ASCII; write the host in punycode (xn--…) and percent-encode the path".to_owned());
        }
        let malformed = || {
            "base_url is not an absolute URL: scheme, host or port is missing or malformed; give one such as https://gateway.example"
                .to_owned()
        };
        let tidied = tidied(base_url);
        let url = Uri::parse(&*tidied).map_err(|_| malformed())?;
        let scheme = url.scheme().as_str().to_ascii_lowercase();
        let (secure, default_port) = match &*scheme {
            "https" => (true, 443),
            "http" => (false, 80),
            other => {
                return Err(format!(
                    "base_url has the scheme {}; give an http or https URL",
                    quoted(other)
                ));
            }
        };
        let authority = url.authority().ok_or_else(malformed)?;
        if authority.has_userinfo() {
            return Err(
                "base_url holds a user name or password; give the credential as token".to_owned(),
            );
        }
        if url.has_query() || url.has_fragment() {
            return Err("base_url holds a query or fragment; leave it out".to_owned());
        }
        let host = Host::of(authority).ok_or_else(malformed)?;
        let port = authority.port_to_u16().map_err(|_| malformed())?;
        let port = port.unwrap_or(default_port);
        let path = without_dot_segments(url.path().as_str());
        let path = path.trim_end_matches('/');
        let authority = match port == default_port {
            true => host.to_string(),
            false => format!("{host}:{port}"),
        };
        if !is_written(base_url, &format!("{scheme}://{host}"), port, path) {
            let instead = match base_url.contains('@') {
                true => "write it out plainly".to_owned(),
                false => format!("write {scheme}://{authority}{path}"),
            };
            return Err(format!(
                "base_url is not what a URL parser reads (odd spelling of the host or port, white space, backslash, dot segment, or a character to be encoded); {instead}"
            ));
        }
        if !secure && !allow_insecure_http && !host.is_loopback() {
            return Err(format!(
                "base_url is plain http to {host}, where anybody on the way can read the token; use https, or set allow_insecure_http=True or RON_SDK_INSECURE_HTTP=1"
            ));
        }
        Ok(Self {
            secure,
            authority,
            prefix: path
                .strip_suffix(APP_PLANE)
                .unwrap_or(path)
                .trim_end_matches('/')
                .to_owned(),
        })
    }
}

/// What may not stand behind the host. Queries and fragments are refused later, by name.
const NOT_BEHIND_HOST: &AsciiSet = &NOT_PCHAR.remove(b'?').remove(b'#');

/// An http or https URL as RFC 3986 has it, where the URL standard forgives more (section 4.4): white
/// space, backslashes, any number of slashes in front of the host, characters to be encoded.
fn tidied(base_url: &str) -> String {
    let text = base_url.trim_matches(|c| c <= ' ');
    let text = text.replace(['\t', '\n', '\r'], "").replace('\\', "/");
    match text.split_once(':') {
        Some((scheme, rest)) if ["http", "https"].contains(&&*scheme.to_ascii_lowercase()) => {
            let rest = rest.trim_start_matches('/');
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let mut out = format!("{scheme}://{}", &rest[..end]);
            push_encoded(&mut out, &rest[end..], NOT_BEHIND_HOST);
            out
        }
        _ => text,
    }
}

/// A path without its dot segments, which may be percent-encoded (WHATWG URL, section 4.1). One that
/// ended in such a segment ends in a slash.
pub fn without_dot_segments(path: &str) -> String {
    let mut segments = Vec::new();
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        ends_in_dots = matches!(&*plain, "." | "..");
        match &*plain {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    segments.extend(ends_in_dots.then_some(""));
    segments.iter().flat_map(|segment| ["/", segment]).collect()
}

/// Whether `base_url` is this origin, port and path, but for letter case in front of the path, an
/// empty or default port, and slashes at the end. `path` is the path without those.
fn is_written(base_url: &str, origin: &str, port: u16, path: &str) -> bool {
    let Some((start, rest)) = base_url.split_at_checked(origin.len()) else {
        return false;
    };
    let (written_port, written_path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_port = match written_port.strip_prefix(':') {
        None => written_port.is_empty(),
        Some(digits) => digits.is_empty() || digits == port.to_string(),
    };
    start.eq_ignore_ascii_case(origin) && is_port && written_path.trim_end_matches('/') == path
}

#[cfg(test)]
mod tests {
    use idna::uts46::verify_dns_length;
    use proptest::prelude::*;
    use serde::Deserialize;
    use url::Url;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        accepted: Vec<Accepted>,
        insecure: Vec<String>,
        refused: Vec<Refused>,
        holding_a_secret: Vec<String>,
        secret: String,
    }

    #[derive(Deserialize)]
    struct Accepted {
        base_url: String,
        secure: bool,
        authority: String,
        prefix: String,
    }

    #[derive(Deserialize)]
    struct Refused {
        base_url: String,
        named: Vec<String>,
    }

    #[test]
    fn every_base_url_of_the_vectors_names_its_origin_or_is_refused() {
        let file: File = vectors::read("origins.json");
        assert!(file.accepted.len() > 30 && file.refused.len() > 60);
        for case in file.accepted {
            let expected = Origin {
                secure: case.secure,
                authority: case.authority,
                prefix: case.prefix,
            };
            assert_eq!(
                Origin::parse(&case.base_url, false).as_ref(),
                Ok(&expected),
                "{}",
                case.base_url
            );
        }
        for Refused { base_url, named } in file.refused {
            let error = Origin::parse(&base_url, true).expect_err(&base_url);
            assert!(error.contains("base_url"), "{error}");
            for word in named {
                assert!(error.contains(&word), "{base_url} {word}: {error}");
            }
        }
    }

    #[test]
    fn what_a_refusal_says_to_write_is_accepted() {
        let file: File = vectors::read("origins.json");
        for Refused { base_url, .. } in file.refused {
            let error = Origin::parse(&base_url, true).expect_err(&base_url);
            let instead = error.split_once("; write ").map(|(_, instead)| instead);
            if let Some(instead) = instead.filter(|instead| instead.starts_with("http")) {
                Origin::parse(instead, true).unwrap_or_else(|error| panic!("{instead}: {error}"));
            }
        }
    }

    #[test]
    fn plain_http_is_for_loopback_unless_allowed() {
        let file: File = vectors::read("origins.json");
        assert!(file.insecure.len() > 5);
        for base_url in file.insecure {
            let error = Origin::parse(&base_url, false).expect_err(&base_url);
            assert!(error.contains("allow_insecure_http=True"), "{error}");
            Origin::parse(&base_url, true).unwrap();
        }
    }

    #[test]
    fn no_refusal_repeats_a_password() {
        let file: File = vectors::read("origins.json");
        assert!(file.holding_a_secret.len() > 10);
        for base_url in file.holding_a_secret {
            let error = Origin::parse(&base_url, false).expect_err(&base_url);
            assert!(!error.contains(&file.secret), "{error}");
        }
    }

    /// What the reference implementation of the URL standard reads in a base URL: the origin, and
    /// the path without slashes at its end. Its parser reads names that no valid URL has.
    fn reference(base_url: &str) -> Option<(String, String)> {
        let url = Url::parse(base_url).ok()?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url
                .domain()
                .is_none_or(|name| verify_dns_length(name, true));
        if !is_plain || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let mut path = String::new();
        push_encoded(&mut path, url.path(), NOT_PCHAR);
        let path = path.trim_end_matches('/').to_owned();
        Some((url.origin().ascii_serialization(), path))
    }

    fn mostly(plain: &'static str, odd: &'static str) -> impl Strategy<Value = String> {
        prop_oneof![3 => plain, 1 => odd]
    }

    /// Base URLs that are odd, one or another way, wherever parsers have differed.
    fn base_url() -> impl Strategy<Value = String> {
        let name = mostly(
            "[a-z]{1,3}(\\.[a-z0-9_-]{0,3}){0,3}",
            "([eE.0-9~!'+=\"`{<%\t -]|%2e|%65|%31|%3c|%zz|0x){1,6}|[a-z]{62,64}(\\.[a-z]{61,63}){0,3}\\.?",
        );
        let ipv4 = mostly(
            "([0-9]{1,3}\\.){3}[0-9]{1,3}",
            "((0|0x|0X)?[0-9a-f]{0,4}\\.?){1,5}|[0-9]{8,11}|0x[0-9a-f]{7,9}|0[0-7]{9,12}",
        );
        let ipv6 = mostly(
            "\\[([0-9a-f]{1,4}:){1,7}(:|:?[0-9a-f]{1,4})\\]",
            "\\[((0|[0-9a-fA-F]{0,5}):{1,2}){0,8}(ffff:)?([0-9a-f]{0,4}|[0-9.]{5,9}|%25e)\\]?",
        );
        (
            mostly("", "[ \t\x01]"),
            mostly("https?://", "(http|HTTPS|ht\ttp|httpx|ftp):?[/\\\\]{0,3}"),
            mostly("", "(u|:|u:p)?@"),
            prop_oneof![name, ipv4, ipv6],
            mostly("", ":([0-9]{0,5}|443|80|080|x)"),
            mostly(
                // Not "/c:/..", which url takes for a drive.
                "(/(ab:)?[a-z.~@%0-9]{1,3}){0,3}(/app)?/?",
                "([/\\\\.a%|'\"^ @;\t\\[\\]]|%2e|%2E|%20|/app){0,8}",
            ),
            mostly("", "[?#]"),
        )
            .prop_map(|(space, scheme, user, host, port, path, behind)| {
                [space, scheme, user, host, port, path, behind].concat()
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// On what is accepted, and on what a refusal says to write.
        #[test]
        fn base_urls_are_read_as_the_url_standard_reads_them(base_url in base_url()) {
            let reference = reference(&base_url);
            match Origin::parse(&base_url, true) {
                Ok(origin) => {
                    let (read, path) = reference.expect(&base_url);
                    let scheme = if origin.secure { "https" } else { "http" };
                    prop_assert_eq!(format!("{scheme}://{}", origin.authority), read);
                    prop_assert!(path.starts_with(&origin.prefix), "{base_url}");
                    let rest = path[origin.prefix.len()..].trim_start_matches('/');
                    prop_assert!(matches!(rest, "" | "app"), "{base_url}");
                }
                Err(error) => {
                    if let Some((_, instead)) = error.split_once("; write http") {
                        let (read, path) = reference.expect(&base_url);
                        prop_assert_eq!(format!("http{instead}"), read + &path, "{}", base_url);
                    }
                }
            }
        }

        /// But for hosts with characters that RFC 3986 has in no host.
        #[test]
        fn what_the_url_standard_writes_is_accepted(base_url in base_url()) {
            if let Some((origin, path)) = reference(&base_url)
                && !origin.contains(['"', '`', '{', '}'])
            {
                let written = origin + &path;
                prop_assert!(Origin::parse(&written, true).is_ok(), "{base_url} {written}");
            }
        }

        /// A host can compare by plain text: the base URL begins with the origin.
        #[test]
        fn an_accepted_base_url_begins_with_its_origin(
            base_url in "(https?:/{0,3})(e|E|\\.|[0-9]{1,3}|0x7f|%65|%c3|ｅ|é|-|_|xn--|\\[::1\\]|@|:|:80|:443|/|\\\\|\\t| |\\?|#|\\PC){0,6}"
        ) {
            if let Ok(origin) = Origin::parse(&base_url, true) {
                let scheme = if origin.secure { "https" } else { "http" };
                let start = format!("{scheme}://{}", origin.authority);
                let text = base_url.to_ascii_lowercase();
                prop_assert!(text.starts_with(&start), "{base_url}");
                let after = &text[start.len()..];
                prop_assert!(
                    after.is_empty() || after.starts_with('/') || after.starts_with(':'),
                    "{base_url}"
                );
            }
        }
    }
}
