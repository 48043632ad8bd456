//! What single values may be. A rule's error ends a sentence that the field begins.
//!
//! No message repeats a host or what stands behind a question mark: it may hold a secret.

use std::net::Ipv6Addr;

use ron_core::message::{control, quoted};

use super::model::{Algo, Kind};
use crate::defaults::MAX_COMPARED_CAPTURES;

type Checked = Result<(), String>;

/// The id, which the node pastes into a route.
pub fn id(id: &str) -> Checked {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if id.trim().is_empty() {
        Err("is blank; give the facet a name".to_owned())
    } else if matches!(id, "." | "..") {
        Err(format!("is {}, which paths resolve away", quoted(id)))
    } else if let Some(found) = id.chars().find(|c| !allowed(*c)) {
        Err(format!(
            "holds {}, which is hazardous in the node's routes; use letters, digits, '.', '_' and '-'",
            shown(found)
        ))
    } else {
        Ok(())
    }
}

/// The path of a route. In a segment, `:name` stands for what follows and `*name` for all that is left:
/// those are the node's router's, and it ends the node if they are no good.
pub fn route_path(path: &str, kind: Option<Kind>) -> Checked {
    segments(path)?;
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        let Some(at) = capture(segment) else {
            continue;
        };
        let (capture, name) = segment[at..].split_at(1);
        let may_be_tail =
            at == 0 && rest.peek().is_none() && kind.is_none_or(|kind| kind == Kind::Proxy);
        if name.contains('*') || (capture == "*" && !may_be_tail) {
            return Err(
                "has a '*' where none may be; only the path of a proxy may end in one, as in '/*tail'"
                    .to_owned(),
            );
        }
        if name.is_empty() {
            return Err(format!(
                "has a '{capture}' without a name; write '{capture}tail'"
            ));
        }
        if name.contains(':') {
            return Err("has two ':' in a segment, where the node's router takes one".to_owned());
        }
    }
    Ok(())
}

/// Where a capture begins in a segment.
fn capture(segment: &str) -> Option<usize> {
    segment.bytes().position(|b| matches!(b, b':' | b'*'))
}

/// What stands for the names of captures: the router has room for one of the paths that differ in
/// nothing else.
pub fn without_names(path: &str) -> String {
    let segment = |segment| capture(segment).map_or(segment, |at| &segment[..=at]);
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// The first captures of whole segments in a path without names, each after what stands before it.
pub fn whole_captures(without_names: &str) -> Vec<(String, &str)> {
    let mut before = 0;
    let mut found = Vec::new();
    for segment in without_names.split('/') {
        if matches!(segment, ":" | "*") && found.len() < MAX_COMPARED_CAPTURES {
            found.push((without_names[..before].to_owned(), segment));
        }
        before += segment.len() + 1;
    }
    found
}

/// Whether a path matches all that is below it.
pub fn is_tail(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|s| s.starts_with('*'))
}

/// Whether a route of a proxy passes on whatever it is asked for.
pub fn passes_everything(path: &str, upstream_path: Option<&str>) -> bool {
    let is_root = |path: &str| path == "/" || path.starts_with("/*");
    is_tail(path) && is_root(upstream_path.unwrap_or(path))
}

/// A path at the upstream, or in front of it.
pub fn upstream_path(path: &str) -> Checked {
    segments(path)
}

/// What stands in front of all paths at the upstream.
pub fn base_path(path: &str) -> Checked {
    if path.is_empty() {
        Ok(())
    } else {
        segments(path)
    }
}

/// A path that can stand in a request as it is, and stays where it is.
fn segments(path: &str) -> Checked {
    if !path.starts_with('/') {
        return Err("must begin with '/'".to_owned());
    }
    let is_dots = |segment: &str| {
        // An URL has them percent-encoded too (WHATWG URL, section 4.1).
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(segment.as_str(), "." | "..")
    };
    if path.split('/').any(is_dots) {
        return Err("has a dot segment, which clients resolve away; write the path out".to_owned());
    }
    // RFC 3986, section 3.3.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(c);
    match path.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(format!(
            "holds {}, which the path of a request can't; percent-encode it or leave it out",
            shown(found)
        )),
        None => Ok(()),
    }
}

/// A file below the folder in which the node was started.
pub fn file(file: &str) -> Checked {
    let bytes = file.as_bytes();
    let has_drive =
        bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
    if file.trim().is_empty() {
        Err("is empty; name the file that is answered with".to_owned())
    } else if file.starts_with('/') || has_drive {
        Err(format!(
            "is {}, which is absolute; give a path relative to the folder in which the node is started",
            quoted(file)
        ))
    } else if file.contains('\\') {
        Err(format!(
            "is {}, which holds a backslash; write '/' between folders",
            quoted(file)
        ))
    } else if file.split('/').any(|segment| segment == "..") {
        Err(format!(
            "is {}, which leads up with '..'; a file must lie below the folder in which the node is started",
            quoted(file)
        ))
    } else if file.ends_with('/') {
        Err(format!(
            "is {}, which is a folder; name a file",
            quoted(file)
        ))
    } else if let Some(found) = control(file) {
        Err(format!("holds {}; remove it", shown(found)))
    } else {
        Ok(())
    }
}

/// The one host that a proxy speaks to.
pub fn host(host: &str) -> Checked {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.trim().is_empty() {
        return Err("is blank; name the one host that requests go to".to_owned());
    }
    if host.contains('*') {
        return Err(
            "has a '*', which would be an open proxy; name the one host that requests go to"
                .to_owned(),
        );
    }
    if host.contains('@') {
        return Err(
            "has a '@'; a manifest is no place for a user name or password, give the host alone"
                .to_owned(),
        );
    }
    if host.contains("//") {
        return Err("is a URL; give the host alone, the scheme has its own field".to_owned());
    }
    let in_brackets = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if let Some(address) = in_brackets {
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("has brackets around what is no IPv6 address".to_owned()),
        };
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err("is an IPv6 address without brackets; write it as in '[::1]'".to_owned());
    }
    if host.contains(':') {
        return Err("has a port; give the host alone, the port has its own field".to_owned());
    }
    if let Some(found) = host.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "holds {}, which is in no host; names beyond ASCII are given in punycode",
            shown(found)
        ));
    }
    if host.split('.').rev().skip(1).any(str::is_empty) || host == "." {
        return Err("has an empty part between its dots".to_owned());
    }
    Ok(())
}

/// A digest in base64 (RFC 4648, section 4).
pub fn digest(value: &str, algo: Algo) -> Checked {
    let bytes = algo.digest_bytes();
    let padding = (3 - bytes % 3) % 3;
    let digits = value.strip_suffix(&"=="[..padding]).unwrap_or_default();
    let is_digit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    if digits.len() == (bytes * 8).div_ceil(6) && digits.bytes().all(is_digit) {
        Ok(())
    } else {
        Err(format!(
            "is not the base64 of a {} digest, which has {bytes} bytes",
            algo.name()
        ))
    }
}

fn shown(c: char) -> String {
    format!(
        "{} (U+{:04X})",
        quoted(c.encode_utf8(&mut [0; 4])),
        u32::from(c)
    )
}
