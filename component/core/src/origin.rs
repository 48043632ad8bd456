//! Where requests go: the base URL.
//!
//! A host compares the origin of what is to be sent with the base URL as the caller wrote it, by
//! plain text. So a base URL is refused unless its text is what the URL parser reads, but for
//! letter case and the scheme's own port: `http://0x7f.1` and `http://ｅ` name other hosts than
//! they seem to.

use url::{Host, Url};

use crate::path::{APP_PLANE, NOT_PCHAR, push_encoded, quoted};

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
        let url = Url::parse(base_url).map_err(|error| {
            let hint = match base_url.is_ascii() {
                true => "",
                false => ", with its host in punycode (xn--…)",
            };
            format!(
                "base_url is not an absolute URL ({error}); give one such as https://gateway.example{hint}"
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
    use super::*;

    fn at(base_url: &str) -> Result<Origin, String> {
        Origin::parse(base_url, false)
    }

    #[test]
    fn the_base_url_may_or_may_not_name_the_app_plane() {
        for (base, prefix) in [
            ("https://e", ""),
            ("https://e/", ""),
            ("https://e/app", ""),
            ("https://e/app/", ""),
            ("https://e/ron", "/ron"),
            ("https://e/ron/app", "/ron"),
        ] {
            assert_eq!(at(base).unwrap().prefix, prefix, "{base}");
        }
        assert_eq!(
            at("http://127.0.0.1:8080").unwrap().authority,
            "127.0.0.1:8080"
        );
        assert_eq!(
            at("https://[2001:db8::1]:8443/x").unwrap().authority,
            "[2001:db8::1]:8443"
        );
        assert_eq!(at("https://e:443").unwrap().authority, "e");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for base in [
            "http://127.0.0.1",
            "http://127.1.2.3:80",
            "http://[::1]",
            "http://localhost:1",
        ] {
            at(base).unwrap();
        }
        for base in [
            "http://e",
            "http://10.0.0.1",
            "http://localhost.e",
            "http://[::2]",
        ] {
            let error = at(base).unwrap_err();
            assert!(error.contains("allow_insecure_http=True"), "{base}");
        }
        Origin::parse("http://e", true).unwrap();
    }

    #[test]
    fn a_bad_base_url_is_refused_without_repeating_it() {
        for base in [
            "",
            "e",
            "/app",
            "ftp://e",
            "https://",
            "https://user:hunter22@e",
            "https://e?x=1",
            "https://e#x",
            "https://exa mple",
            "https://e:99999",
        ] {
            let error = at(base).unwrap_err();
            assert!(error.contains("base_url"), "{base}");
            assert!(!error.contains("hunter22"));
        }
    }
}
