//! The parts of a request's URI: RFC 3986. What is valid here can be put together with `://` and
//! nothing between, and every part stays what it was.

/// Whether `text` is a scheme: section 3.1.
pub fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether `text` is an authority with a host: section 3.2.
pub fn is_authority(text: &str) -> bool {
    let text = text.as_bytes();
    let at = text.iter().rposition(|b| *b == b'@');
    let place = at.map_or(text, |at| &text[at + 1..]);
    let user = &text[..at.unwrap_or(0)];
    let (host, more, port) = match place.strip_prefix(b"[") {
        Some(literal) => {
            let end = literal.iter().position(|b| *b == b']');
            let Some(end) = end else {
                return false;
            };
            (&literal[..end], b':', &literal[end + 1..])
        }
        None => {
            let end = place.iter().position(|b| *b == b':');
            let (host, port) = place.split_at(end.unwrap_or(place.len()));
            (host, b'%', port)
        }
    };
    !host.is_empty()
        && host.iter().all(|b| is_plain(*b) || *b == more)
        && user.iter().all(|b| is_plain(*b) || b":%".contains(b))
        && is_port(port)
}

/// Whether `text` is nothing or a colon and perhaps a port.
fn is_port(text: &[u8]) -> bool {
    let Some((b':', digits)) = text.split_first() else {
        return text.is_empty();
    };
    let mut port = 0;
    for digit in digits {
        port = 10 * port + u32::from(digit.wrapping_sub(b'0'));
        if !digit.is_ascii_digit() || port > 65_535 {
            return false;
        }
    }
    true
}

/// Whether an authority names a user: RFC 9110, section 4.2.4, forbids sending one.
pub fn has_user(authority: &str) -> bool {
    authority.contains('@')
}

/// Whether `text` is a path, empty or absolute, and perhaps a query: sections 3.3 and 3.4. A percent
/// sign that encodes nothing passes, as it does with every HTTP library.
pub fn is_path_with_query(text: &str) -> bool {
    (text.is_empty() || text.starts_with(['/', '?']))
        && text
            .bytes()
            .all(|b| is_plain(b) || matches!(b, b':' | b'@' | b'/' | b'?' | b'%'))
}

/// The unreserved characters and the sub-delimiters of sections 2.2 and 2.3.
fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'='
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_what_rfc_3986_says() {
        for good in ["http", "HTTPS", "a+b-c.d9"] {
            assert!(is_scheme(good), "{good}");
        }
        for bad in ["", "9p", "a/b", "é", "a:"] {
            assert!(!is_scheme(bad), "{bad}");
        }
        for good in [
            "h",
            "h:",
            "h:0",
            "h:65535",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
            "u:p@h",
            "a%20b",
        ] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "", ":80", "h:x", "h:65536", "h:+1", "h/x", "h?x", "h#x", "h\\x", "a b", "é", "[::1",
            "[::1]x", "[]", "@h@", "a@b@c", "h:1:2", "::1",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
        for good in ["", "/", "?", "/a%20b/?x=/?:@!$", "/100%", "?q"] {
            assert!(is_path_with_query(good), "{good}");
        }
        for bad in [
            "a", "*", "@evil/x", "/#f", "/a b", "/é", "/\\", "/\r", ".evil", ":80/",
        ] {
            assert!(!is_path_with_query(bad), "{bad}");
        }
        assert!(has_user("u@h") && !has_user("h:1"));
    }

    #[test]
    fn plain_characters_are_the_unreserved_and_the_sub_delimiters() {
        for b in 0..=255u8 {
            let expected = b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b);
            assert_eq!(is_plain(b), expected, "{b}");
        }
    }

    proptest! {
        #[test]
        fn parts_that_are_put_together_can_be_told_apart_again(
            authority in "[a-z@:.]{1,5}[/?#\\\\]?",
            path in "[/?@:.]?[a-z/?#@:\\\\]{0,6}",
        ) {
            if is_authority(&authority) && is_path_with_query(&path) {
                let whole = [&*authority, &*path].concat();
                let end = whole.find(['/', '?', '#', '\\']).unwrap_or(whole.len());
                prop_assert_eq!(&whole[..end], authority);
                prop_assert_eq!(&whole[end..], path);
            }
        }
    }
}
