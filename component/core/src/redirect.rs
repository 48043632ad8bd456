//! Where a redirect leads (RFC 9110, section 15.4). Only streams follow any.

use fluent_uri::UriRef;

use crate::host::Host;
use crate::origin::{Origin, without_dot_segments};
use crate::path::{APP_PLANE, app_path, node_path};
use crate::plane::Plane;
use crate::query;

/// The statuses that name another place for the same request.
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether the redirected request loses method and content, as the Fetch standard has it.
pub fn becomes_get(status: u16, method: &str) -> bool {
    match status {
        301 | 302 => method == "POST",
        303 => !matches!(method, "GET" | "HEAD"),
        _ => false,
    }
}

/// The target that `location` names; nothing if it lies elsewhere than at the origin, out of the plane,
/// or where a caller's path may not lead.
pub fn target(origin: &Origin, plane: Plane, current: &str, location: &str) -> Option<String> {
    let location = UriRef::parse(location.trim_matches([' ', '\t'])).ok()?;
    if !is_here(origin, &location) {
        return None;
    }
    let (path, query) = resolved(&location, current);
    let path = path.strip_prefix(&*origin.prefix)?;
    let path = match plane {
        Plane::App => {
            path.strip_prefix(APP_PLANE)?.strip_prefix('/')?;
            app_path(path).ok()?.path
        }
        Plane::Node { .. } if path.starts_with('/') => node_path(path).ok()?.path,
        Plane::Node { .. } => return None,
    };
    let mut target = origin.prefix.clone();
    target.push_str(&path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(&query::encode(Some(query), &[]).ok()?);
    }
    Some(target)
}

/// Whether a reference leads to the origin.
fn is_here(origin: &Origin, location: &UriRef<&str>) -> bool {
    let (scheme, default_port) = if origin.secure {
        ("https", 443)
    } else {
        ("http", 80)
    };
    let is_scheme = |given: &str| given.eq_ignore_ascii_case(scheme);
    let Some(authority) = location.authority() else {
        return !location.has_scheme();
    };
    let (Some(host), Ok(port)) = (Host::of(authority), authority.port_to_u16()) else {
        return false;
    };
    let host = match port {
        Some(port) if port != default_port => format!("{host}:{port}"),
        _ => host.to_string(),
    };
    location
        .scheme()
        .is_none_or(|given| is_scheme(given.as_str()))
        && !authority.has_userinfo()
        && host == origin.authority
}

/// The path and query of a reference to the host of `current` (RFC 3986, section 5.2.2). The library's
/// own resolution takes another 5 kB.
fn resolved<'a>(location: &UriRef<&'a str>, current: &'a str) -> (String, Option<&'a str>) {
    let (base, base_query) = match current.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (current, None),
    };
    let path = location.path().as_str();
    let query = location.query().map(|query| query.as_str());
    if path.is_empty() && !location.has_authority() {
        return (base.to_owned(), query.or(base_query));
    }
    let directory = match path.starts_with('/') || location.has_authority() {
        true => "",
        false => base.rfind('/').map_or("", |end| &base[..=end]),
    };
    (without_dot_segments(&[directory, path].concat()), query)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    const NODE: Plane = Plane::Node { credential: false };

    fn origin() -> Origin {
        Origin::parse("https://gw.example:8443/ron", false)
            .unwrap_or_else(|fault| panic!("{fault}"))
    }

    fn app(location: &str) -> Option<String> {
        target(&origin(), Plane::App, "/ron/app/a/b?q=1", location)
    }

    #[test]
    fn a_redirect_within_the_plane_is_resolved_as_rfc_3986_has_it() {
        let cases = [
            ("c", "/ron/app/a/c"),
            ("./c?x=y", "/ron/app/a/c?x=y"),
            ("../c", "/ron/app/c"),
            ("?z", "/ron/app/a/b?z"),
            ("", "/ron/app/a/b?q=1"),
            ("#part", "/ron/app/a/b?q=1"),
            ("/ron/app/d", "/ron/app/d"),
            ("/ron/app/./d/../e", "/ron/app/e"),
            ("//gw.example:8443/ron/app/d", "/ron/app/d"),
            ("https://gw.example:8443/ron/app/d#part", "/ron/app/d"),
            ("HTTPS://GW.example:8443/ron/app/d", "/ron/app/d"),
        ];
        for (location, expected) in cases {
            assert_eq!(app(location).as_deref(), Some(expected), "{location}");
        }
    }

    #[test]
    fn a_redirect_to_elsewhere_has_no_target() {
        for location in [
            "http://gw.example:8443/ron/app/d",
            "https://gw.example/ron/app/d",
            "https://gw.example:8444/ron/app/d",
            "https://other.example:8443/ron/app/d",
            "https://user@gw.example:8443/ron/app/d",
            "https://gw.example:8443@other.example/ron/app/d",
            "//other.example/ron/app/d",
            "https:/ron/app/d",
            "https:c",
            "javascript:alert(1)",
            "/app/d",
            "/ron/healthz",
            "/ron/application/d",
            "/ron/app",
            "/ron/app/../healthz",
            "/ron/app/%2e%2e/healthz",
            "/ron/app/x%2f..%2f..%2fhealthz",
            "../../healthz",
            "/ron/app/\\..\\x",
            "/ron/app/a b",
            "/ron/app/\u{e9}",
            "/ron/app/%00",
            "http://[::1",
        ] {
            assert_eq!(app(location), None, "{location}");
        }
    }

    #[test]
    fn a_redirect_of_the_node_plane_stays_behind_the_base_url() {
        let node = |location| target(&origin(), NODE, "/ron/registry/stream", location);
        assert_eq!(node("/ron/other").as_deref(), Some("/ron/other"));
        assert_eq!(node("head").as_deref(), Some("/ron/registry/head"));
        for location in [
            "/other",
            "/ronald",
            "/ron",
            "https://other.example/ron/other",
        ] {
            assert_eq!(node(location), None, "{location}");
        }
    }

    #[test]
    fn only_what_the_fetch_standard_names_becomes_a_get() {
        for (status, method, becomes) in [
            (301, "POST", true),
            (302, "POST", true),
            (303, "POST", true),
            (303, "PUT", true),
            (303, "HEAD", false),
            (302, "PUT", false),
            (307, "POST", false),
            (308, "POST", false),
            (302, "GET", false),
        ] {
            assert_eq!(becomes_get(status, method), becomes, "{status} {method}");
        }
    }

    proptest! {
        #[test]
        fn no_location_leads_where_a_url_parser_sees_another_origin_or_plane(
            location in "(https?:)?(//)?[a-z@:/.\\\\%0-9]{0,12}(gw\\.example:8443)?(/ron)?(/app)?[a-z/.%25e?#]{0,12}"
        ) {
            let base = Url::parse("https://gw.example:8443/ron/app/a/b?q=1").unwrap();
            if let Some(target) = app(&location) {
                let url = base.join(&location).unwrap();
                prop_assert_eq!(url.origin(), base.origin());
                prop_assert!(url.username().is_empty());
                prop_assert!(target.starts_with("/ron/app/"), "{}", target);
                prop_assert!(url.path().starts_with("/ron/app/"), "{} {}", url, target);
            }
        }
    }
}
