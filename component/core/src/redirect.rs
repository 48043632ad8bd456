//! Where a redirect leads (RFC 9110, section 15.4). Only streams follow any.

use fluent_uri::{Uri, UriRef};

use crate::host::Host;
use crate::origin::Origin;
use crate::path::{APP_PLANE, app_path, node_path};
use crate::query;
use crate::request::{Plane, Prepared};

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
pub fn target(
    origin: &Origin,
    plane: Plane,
    prepared: &Prepared,
    location: &str,
) -> Option<String> {
    let scheme = if origin.secure { "https" } else { "http" };
    let base = [scheme, "://", &origin.authority, &prepared.target].concat();
    let base = Uri::parse(&*base).ok()?;
    let location = UriRef::parse(location.trim_matches([' ', '\t'])).ok()?;
    let url = location.resolve_against(&base).ok()?;
    let authority = url.authority()?;
    let port = authority.port_to_u16().ok()?;
    let default_port = if origin.secure { 443 } else { 80 };
    let host = Host::of(authority)?;
    let host = match port {
        Some(port) if port != default_port => format!("{host}:{port}"),
        _ => host.to_string(),
    };
    let is_here = url.scheme().as_str().eq_ignore_ascii_case(scheme)
        && host == origin.authority
        && !authority.has_userinfo();
    let path = url.path().as_str().strip_prefix(&*origin.prefix)?;
    if !is_here || !path.starts_with('/') {
        return None;
    }
    let path = match plane {
        Plane::App => {
            path.strip_prefix(APP_PLANE)?.strip_prefix('/')?;
            app_path(path).ok()?.path
        }
        Plane::Node { .. } => node_path(path).ok()?.path,
    };
    let mut target = origin.prefix.clone();
    target.push_str(&path);
    if let Some(given) = url.query() {
        target.push('?');
        target.push_str(&query::encode(Some(given.as_str()), &[]).ok()?);
    }
    Some(target)
}
