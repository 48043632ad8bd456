//! What a derived session may not do that its parent may (`protocol.md` 5.6): guards against mistakes of
//! one's own. Each narrows; none widens.

use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind};
use crate::message::quoted;
use crate::method;
use crate::path::app_path;
use crate::plane::Plane;

/// What is left to a session; and what narrows it, as the caller gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caveats {
    /// When its right ends, in nanoseconds since 1970.
    pub expires_at: Option<u64>,
    /// The methods that are left.
    pub methods: Option<Vec<String>>,
    /// The path of the app plane in which all its requests lie.
    pub path_prefix: Option<String>,
    /// The largest request content in bytes.
    pub max_bytes: Option<u64>,
}

impl Caveats {
    /// These, narrowed further. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// Kind `capability` if one of `by` gives more than there is, or nothing; kind `request` if a method
    /// or the path is none.
    pub fn narrowed(&self, by: Self, now: u64) -> Result<Self, Error> {
        let mut left = self.clone();
        if let Some(expires_at) = by.expires_at {
            if self.expires_at.is_some_and(|before| expires_at > before) {
                return Err(exceeds("expiry is later than"));
            }
            left.expires_at = Some(expires_at);
            left.check_time(now)?;
        }
        if let Some(given) = by.methods {
            let methods = given.iter().map(|name| method::checked(name));
            let methods = methods.collect::<Result<Vec<_>, _>>()?;
            if methods.is_empty() {
                let message = "methods is empty, which leaves no call; name at least one";
                return Err(refused("contradictory", message.to_owned()));
            }
            if let Some(before) = &self.methods
                && methods.iter().any(|name| !before.contains(name))
            {
                return Err(exceeds("methods has one beside"));
            }
            left.methods = Some(methods);
        }
        if let Some(given) = by.path_prefix {
            let prefix = prefix(&given)?;
            if let Some(before) = &self.path_prefix
                && !is_inside(before, &prefix)
            {
                return Err(exceeds("path_prefix lies outside of"));
            }
            left.path_prefix = Some(prefix);
        }
        if let Some(max_bytes) = by.max_bytes {
            if self.max_bytes.is_some_and(|before| max_bytes > before) {
                return Err(exceeds("max_bytes is more than"));
            }
            left.max_bytes = Some(max_bytes);
        }
        Ok(left)
    }

    /// Checks a request; `path` is encoded.
    ///
    /// # Errors
    ///
    /// Kind `capability`.
    pub fn check(
        &self,
        plane: Plane,
        method: &str,
        path: &str,
        length: Option<u64>,
    ) -> Result<(), Error> {
        if let Some(methods) = &self.methods
            && !methods.iter().any(|left| left == method)
        {
            return Err(refused(
                "method_not_allowed",
                format!(
                    "the caveats of this client leave it {}, not {}",
                    methods.join(", "),
                    quoted(method)
                ),
            ));
        }
        if let Some(prefix) = &self.path_prefix
            && !(plane == Plane::App && is_inside(prefix, &decoded(path)))
        {
            return Err(refused(
                "path_not_allowed",
                format!(
                    "the caveats of this client leave it {}, where {} does not lie",
                    quoted(prefix),
                    quoted(path)
                ),
            ));
        }
        if let Some(max) = self.max_bytes
            && let Some(length) = length
            && length > max
        {
            return Err(refused(
                "bytes_exceed",
                format!("the caveats of this client leave it {max} bytes a request, not {length}"),
            ));
        }
        Ok(())
    }

    /// Checks that its right has not ended.
    ///
    /// # Errors
    ///
    /// Kind `capability`.
    pub fn check_time(&self, now: u64) -> Result<(), Error> {
        match self.expires_at {
            Some(expires_at) if expires_at <= now => Err(expired()),
            _ => Ok(()),
        }
    }
}

/// The right of a session has ended.
pub fn expired() -> Error {
    refused(
        "expired",
        "the caveats of this client have expired; derive another".to_owned(),
    )
}

fn exceeds(what: &str) -> Error {
    let message = format!("{what} what the client has itself; a caveat only narrows");
    refused("exceeds_parent", message)
}

fn refused(code: &str, message: String) -> Error {
    Error::new(ErrorKind::Capability, code, message)
}

/// A prefix in the form in which paths are compared.
fn prefix(given: &str) -> Result<String, Error> {
    let path = app_path(given)?;
    if path.query.is_some() {
        return Err(Error::request(
            "invalid_path",
            "path_prefix holds a query; give a path such as /feed",
        ));
    }
    let path = decoded(&path.path);
    Ok(path.trim_end_matches('/').to_owned())
}

/// The path without its percent-encoding, which has only so many layers by now.
fn decoded(path: &str) -> String {
    let mut layer = path.to_owned();
    loop {
        let next = percent_decode_str(&layer).decode_utf8_lossy().into_owned();
        if next == layer {
            return layer;
        }
        layer = next;
    }
}

/// Whether `path` is `prefix` or lies below it.
fn is_inside(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn methods(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|&name| name.to_owned()).collect())
    }

    fn narrowed(caveats: &Caveats, by: Caveats) -> Result<Caveats, String> {
        caveats.narrowed(by, 100).map_err(|error| error.code)
    }

    #[test]
    fn what_gives_more_than_there_is_or_nothing_is_refused() {
        let parent = Caveats {
            expires_at: Some(200),
            methods: methods(&["GET", "HEAD"]),
            path_prefix: Some("/app/feed".to_owned()),
            max_bytes: Some(10),
        };
        let none = Caveats::default;
        for (by, code) in [
            (
                Caveats {
                    methods: methods(&[]),
                    ..none()
                },
                "contradictory",
            ),
            (
                Caveats {
                    expires_at: Some(201),
                    ..none()
                },
                "exceeds_parent",
            ),
            (
                Caveats {
                    expires_at: Some(100),
                    ..none()
                },
                "expired",
            ),
            (
                Caveats {
                    methods: methods(&["GET", "PUT"]),
                    ..none()
                },
                "exceeds_parent",
            ),
            (
                Caveats {
                    methods: methods(&["a b"]),
                    ..none()
                },
                "invalid_method",
            ),
            (
                Caveats {
                    path_prefix: Some("/feedback".to_owned()),
                    ..none()
                },
                "exceeds_parent",
            ),
            (
                Caveats {
                    path_prefix: Some("/".to_owned()),
                    ..none()
                },
                "exceeds_parent",
            ),
            (
                Caveats {
                    path_prefix: Some("/feed/../x".to_owned()),
                    ..none()
                },
                "invalid_path",
            ),
            (
                Caveats {
                    path_prefix: Some("/feed?x".to_owned()),
                    ..none()
                },
                "invalid_path",
            ),
            (
                Caveats {
                    max_bytes: Some(11),
                    ..none()
                },
                "exceeds_parent",
            ),
        ] {
            assert_eq!(narrowed(&parent, by), Err(code.to_owned()));
        }
        let by = Caveats {
            expires_at: Some(150),
            methods: methods(&["get"]),
            path_prefix: Some("feed/%61/".to_owned()),
            max_bytes: Some(0),
        };
        let left = narrowed(&parent, by).unwrap();
        assert_eq!(left.methods, methods(&["GET"]));
        assert_eq!(left.path_prefix.as_deref(), Some("/app/feed/a"));
        assert_eq!(narrowed(&left, none()), Ok(left.clone()));
    }

    #[test]
    fn a_prefix_is_one_of_whole_segments_however_they_are_written() {
        let caveats = narrowed(
            &Caveats::default(),
            Caveats {
                path_prefix: Some("/feed".to_owned()),
                ..Caveats::default()
            },
        )
        .unwrap();
        let check = |plane, path: &str| caveats.check(plane, "GET", path, None).is_ok();
        for path in [
            "/app/feed",
            "/app/feed/",
            "/app/feed/x",
            "/app/f%65ed/x",
            "/app/f%2565ed",
        ] {
            assert!(check(Plane::App, path), "{path}");
            assert!(!check(Plane::Node { credential: true }, path), "{path}");
        }
        for path in ["/app", "/app/", "/app/feedback", "/app/x/feed", "/app/Feed"] {
            assert!(!check(Plane::App, path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_narrowed_allows_nothing_that_was_not_allowed(
            first in settings(),
            second in settings(),
            name in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT"]),
            path in prop::sample::select(vec!["/app", "/app/a", "/app/a/b", "/app/ab", "/app/%61/c"]),
            length in prop::option::of(0u64..4),
            now in 0u64..6,
        ) {
            let Ok(parent) = Caveats::default().narrowed(first, 0) else { return Ok(()) };
            let Ok(child) = parent.narrowed(second, 0) else { return Ok(()) };
            let allows = |caveats: &Caveats| {
                let time = caveats.check_time(now);
                time.and(caveats.check(Plane::App, name, path, length)).is_ok()
            };
            prop_assert!(!allows(&child) || allows(&parent));
        }
    }

    fn settings() -> impl Strategy<Value = Caveats> {
        let names = vec!["GET", "HEAD", "POST", "PUT"];
        let names = prop::sample::subsequence(names, 0..=4);
        let paths = prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/ab", "/%61"]);
        (
            prop::option::of(1u64..6),
            prop::option::of(names),
            prop::option::of(paths),
            prop::option::of(0u64..4),
        )
            .prop_map(|(expires_at, names, path, max_bytes)| Caveats {
                expires_at,
                methods: names.and_then(|names| methods(&names)),
                path_prefix: path.map(str::to_owned),
                max_bytes,
            })
    }
}
