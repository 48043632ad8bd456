//! Hosts as the URL standard reads and writes them (WHATWG URL, sections 3.5 and 3.6).
//!
//! Names beyond ASCII are given in punycode. Whether that decodes is not checked: a name is sent and
//! compared as it is written.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use fluent_uri::component::{self, Authority};
use fluent_uri::pct_enc::EStr;
use fluent_uri::pct_enc::encoder::RegName;
use percent_encoding::percent_decode_str;

/// Of a name without its last dot: the URL standard's parser takes longer ones, but no valid URL has
/// them (section 3.4, after RFC 1034, section 3.1).
const MAX_NAME_BYTES: usize = 253;

/// Of each part of a name, none of which is empty.
const MAX_LABEL_BYTES: usize = 63;

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A registered name in lower case.
    Name(String),
    /// `127.0.0.1`, also where it was written otherwise (`0x7f.1`).
    Ipv4(Ipv4Addr),
    /// `[::1]`.
    Ipv6(Ipv6Addr),
}

impl Host {
    /// Reads the host of an authority; nothing if a URL can't have it.
    pub fn of(authority: Authority<'_>) -> Option<Self> {
        match authority.host_parsed() {
            component::Host::Ipv6(address) => Some(Self::Ipv6(address)),
            component::Host::Ipv4(address) => Some(Self::Ipv4(address)),
            component::Host::RegName(name) => Self::of_name(name.as_str()),
            _ => None,
        }
    }

    fn of_name(encoded: &str) -> Option<Self> {
        let name = percent_decode_str(encoded).decode_utf8().ok()?;
        let name = name.to_ascii_lowercase();
        if name.contains('%') || EStr::<RegName>::new(&name).is_none() {
            return None;
        }
        let labels = name.strip_suffix('.').unwrap_or(&name);
        let is_label = |label: &str| (1..=MAX_LABEL_BYTES).contains(&label.len());
        if labels.len() > MAX_NAME_BYTES || !labels.split('.').all(is_label) {
            return None;
        }
        let last = labels.rsplit('.').next().unwrap_or_default();
        let is_address = number(last).is_some() || last.bytes().all(|digit| digit.is_ascii_digit());
        if is_address {
            return ipv4(labels).map(Self::Ipv4);
        }
        Some(Self::Name(name))
    }

    /// Whether the host is this machine as written. `localhost` must also resolve to this machine,
    /// which only the transport can see.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ipv4(address) => address.is_loopback(),
            Self::Ipv6(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => match address.segments() {
                // std would write the last two in decimal.
                [0, 0, 0, 0, 0, 0xffff, high, low] => write!(f, "[::ffff:{high:x}:{low:x}]"),
                _ => write!(f, "[{address}]"),
            },
        }
    }
}

/// The IPv4 parser of the URL standard: one to four numbers, of which the last fills what is left.
fn ipv4(labels: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = labels.split('.').map(number).collect::<Option<_>>()?;
    let (last, leading) = numbers.split_last()?;
    let is_octet = |number: &u64| *number < 1 << 8;
    if leading.len() > 3 || !leading.iter().all(is_octet) || last >> (32 - 8 * leading.len()) != 0 {
        return None;
    }
    let octets = leading.iter().zip([24, 16, 8]);
    let address = octets.fold(*last, |address, (octet, shift)| address | octet << shift);
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

/// A number of that parser: hexadecimal behind `0x`, octal behind `0`. One that is too large for an
/// address stays so.
fn number(label: &str) -> Option<u64> {
    let (digits, radix) = match label.as_bytes() {
        [b'0', b'x', ..] => (&label[2..], 16),
        [b'0', _, ..] => (&label[1..], 8),
        _ => (label, 10),
    };
    digits.chars().try_fold(0_u64, |number, digit| {
        let digit = digit.to_digit(radix)?;
        Some(
            number
                .saturating_mul(radix.into())
                .saturating_add(digit.into()),
        )
    })
}
