//! Where requests go: the base URL.

use url::{Host, Url};

use crate::path::{APP_PLANE, quoted};

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
    /// Reads a base URL.
    ///
    /// # Errors
    ///
    /// The message alone, which names the mend.
    pub fn parse(base_url: &str, allow_insecure_http: bool) -> Result<Self, String> {
        // A refused URL is not repeated: it may hold a password.
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
        if !secure && !allow_insecure_http && !is_loopback(&host) {
            return Err(format!(
                "base_url is plain http to {host}, where anybody on the way can read the token; use https, or set allow_insecure_http=True or RON_SDK_INSECURE_HTTP=1"
            ));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let path = url.path().trim_end_matches('/');
        Ok(Self {
            secure,
            authority,
            prefix: path.strip_suffix(APP_PLANE).unwrap_or(path).to_owned(),
        })
    }
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
