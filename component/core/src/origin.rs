//! Where requests go: the base URL.
//!
//! A host compares the origin of what is to be sent with the base URL as the caller wrote it, by
//! plain text. So a base URL is refused unless its text is what the URL parser reads, but for
//! letter case and the scheme's own port: `http://0x7f.1` and `http://ｅ` name other hosts than
//! they seem to.

use url::{Host, Url};

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
    /// Reads a base URL: an http or https URL (WHATWG) with or without a path, in the form in which
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
        let url = Url::parse(base_url).map_err(|error| {
            format!(
                "base_url is not an absolute URL ({error}); give one such as https://gateway.example"
            )
        })?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => {
                return Err(format!(
                    "base_url has the scheme {}; give an http or https URL",
                    quoted(other)
                ));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "base_url holds a user name or password; give the credential as token".to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("base_url holds a query or fragment; leave it out".to_owned());
        }
        let Some(host) = url.host() else {
            return Err(
                "base_url names no host; give one such as https://gateway.example".to_owned(),
            );
        };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let mut path = String::new();
        push_encoded(&mut path, url.path(), NOT_PCHAR);
        let path = path.trim_end_matches('/');
        if !is_written(base_url, &url, path) {
            let instead = match base_url.contains('@') {
                true => "write it out plainly".to_owned(),
                false => format!("write {}://{authority}{path}", url.scheme()),
            };
            return Err(format!(
                "base_url is not what a URL parser reads (odd spelling of the host or port, white space, backslash, dot segment, or a character to be encoded); {instead}"
            ));
        }
        if !secure && !allow_insecure_http && !is_loopback(&host) {
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

/// Whether the text of `base_url` is `url`, but for letter case in front of the path, an empty or
/// default port, and slashes at the end. `path` is the path without those.
fn is_written(base_url: &str, url: &Url, path: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    let origin = format!("{}://{host}", url.scheme());
    let Some((start, rest)) = base_url.split_at_checked(origin.len()) else {
        return false;
    };
    let (port, written_path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some("") => true,
        Some(digits) => url
            .port_or_known_default()
            .is_some_and(|port| digits == port.to_string()),
    };
    start.eq_ignore_ascii_case(&origin) && is_port && written_path.trim_end_matches('/') == path
}

/// Whether the host is this machine as written. `localhost` must also resolve to this machine,
/// which only the transport can see.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

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

    proptest! {
        /// A host can compare by plain text: the base URL begins with the origin.
        #[test]
        fn an_accepted_base_url_begins_with_its_origin(
            base_url in "(https?:/{0,3})(e|E|\\.|[0-9]{1,3}|0x7f|%65|ｅ|é|-|_|xn--|\\[::1\\]|@|:|:80|:443|/|\\\\|\\t| |\\?|#|\\PC){0,6}"
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
