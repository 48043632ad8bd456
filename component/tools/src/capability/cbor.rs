//! The CBOR of tokens, byte for byte as `serde_cbor` writes the real crate's types (`protocol.md`
//! 5.2): definite lengths, shortest numbers, members in the order of their declaration.

use std::convert::Infallible;

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Error as EncodeError};

use super::token::{Caveat, Claims, Custom, Fault, MAC_BYTES, Rate, Scope, Token};

type Written = Result<(), EncodeError<Infallible>>;

/// A token.
pub fn encoded(token: &Token) -> Vec<u8> {
    written(|to| {
        let claims = &token.claims;
        to.map(5)?.str("tid")?.str(&claims.tid)?;
        to.str("kid")?.str(&claims.kid)?;
        to.str("scope")?;
        write_scope(to, &claims.scope)?;
        to.str("caveats")?.array(claims.caveats.len() as u64)?;
        for caveat in &claims.caveats {
            write_caveat(to, caveat)?;
        }
        to.str("mac")?.bytes(&token.mac)?;
        Ok(())
    })
}

/// What the first tag of the chain is made of.
pub fn head(tid: &str, kid: &str, scope: &Scope) -> Vec<u8> {
    written(|to| {
        to.array(3)?.str(tid)?.str(kid)?;
        write_scope(to, scope)
    })
}

/// What a further tag is made of, beside the one before it.
pub fn caveat(caveat: &Caveat) -> Vec<u8> {
    written(|to| write_caveat(to, caveat))
}

fn written(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Written) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // A vector takes whatever is written to it.
    let Ok(()) = write(&mut encoder) else {
        unreachable!()
    };
    encoder.into_writer()
}

fn write_scope(to: &mut Encoder<Vec<u8>>, scope: &Scope) -> Written {
    to.map(3)?.str("prefix")?.encode(scope.prefix.as_deref())?;
    to.str("methods")?.encode(&scope.methods)?;
    to.str("max_bytes")?.encode(scope.max_bytes)?;
    Ok(())
}

fn write_caveat(to: &mut Encoder<Vec<u8>>, caveat: &Caveat) -> Written {
    to.map(2)?.str("t")?.str(caveat.name())?.str("v")?;
    match caveat {
        Caveat::Exp(number) | Caveat::Nbf(number) | Caveat::BytesLe(number) => to.u64(*number)?,
        Caveat::Aud(text)
        | Caveat::PathPrefix(text)
        | Caveat::IpCidr(text)
        | Caveat::Tenant(text)
        | Caveat::GovPolicyDigest(text) => to.str(text)?,
        Caveat::Method(methods) => to.encode(methods)?,
        Caveat::Rate(rate) => {
            to.map(2)?.str("per_s")?.u32(rate.per_s)?;
            to.str("burst")?.u32(rate.burst)?
        }
        Caveat::Amnesia(flag) => to.bool(*flag)?,
        Caveat::Custom(custom) => {
            to.map(3)?.str("ns")?.str(&custom.ns)?;
            to.str("name")?.str(&custom.name)?.str("cbor")?;
            return write_raw(to, &custom.cbor);
        }
        Caveat::Unknown { cbor, .. } => return write_raw(to, cbor),
    };
    Ok(())
}

/// Adds an item that is CBOR already.
fn write_raw(to: &mut Encoder<Vec<u8>>, hexadecimal: &str) -> Written {
    to.writer_mut()
        .extend(base16ct::mixed::decode_vec(hexadecimal).unwrap_or_default());
    Ok(())
}

/// Reads a token. Members come in any order, and those that are unknown are skipped, as the real
/// reader has it.
///
/// # Errors
///
/// The bytes are not CBOR of that shape.
pub fn decoded(bytes: &[u8]) -> Result<Token, Fault> {
    let mut from = Decoder::new(bytes);
    let token = token(&mut from)?;
    match from.position() == bytes.len() {
        true => Ok(token),
        false => Err(Fault("more follows behind its CBOR".to_owned())),
    }
}

/// Checks that hexadecimal digits are one item of CBOR.
///
/// # Errors
///
/// They are not.
pub fn check_item(hexadecimal: &str) -> Result<(), Fault> {
    let wrong = || Fault("cbor is not one item of CBOR in hexadecimal digits".to_owned());
    let bytes = base16ct::mixed::decode_vec(hexadecimal).map_err(|_| wrong())?;
    let mut from = Decoder::new(&bytes);
    match item(&mut from) {
        Ok(item) if item.len() == bytes.len() => Ok(()),
        _ => Err(wrong()),
    }
}

/// Why CBOR is not that of a token.
struct Broken {
    what: &'static str,
    at: Option<usize>,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        let what = match error.is_end_of_input() {
            true => "it ends too early",
            false => "an item is broken or of another type",
        };
        Self {
            what,
            at: error.position(),
        }
    }
}

impl From<&'static str> for Broken {
    fn from(what: &'static str) -> Self {
        Self { what, at: None }
    }
}

impl From<Broken> for Fault {
    fn from(Broken { what, at }: Broken) -> Self {
        let place = at.map_or_else(String::new, |at| format!(" (byte {at})"));
        Self(["its CBOR is not that of a token: ", what, &place].concat())
    }
}

fn token(from: &mut Decoder<'_>) -> Result<Token, Broken> {
    let (mut tid, mut kid, mut scope_, mut caveats, mut mac) = (None, None, None, None, None);
    members(from, |name, from| match name {
        "tid" => once(&mut tid, text(from)?),
        "kid" => once(&mut kid, text(from)?),
        "scope" => once(&mut scope_, scope(from)?),
        "caveats" => once(&mut caveats, list(from, read_caveat)?),
        "mac" => {
            let bytes: Result<[u8; MAC_BYTES], _> = from.bytes()?.try_into();
            once(&mut mac, bytes.map_err(|_| "mac has not 32 bytes")?)
        }
        _ => Ok(from.skip()?),
    })?;
    let claims = Claims {
        tid: given(tid, "tid is missing")?,
        kid: given(kid, "kid is missing")?,
        scope: given(scope_, "scope is missing")?,
        caveats: given(caveats, "caveats are missing")?,
    };
    let mac = given(mac, "mac is missing")?;
    Ok(Token { claims, mac })
}

fn scope(from: &mut Decoder<'_>) -> Result<Scope, Broken> {
    let (mut prefix, mut methods, mut max_bytes) = (None, None, None);
    members(from, |name, from| match name {
        "prefix" => once(&mut prefix, optional(from, text)?),
        "methods" => once(&mut methods, list(from, text)?),
        "max_bytes" => once(&mut max_bytes, optional(from, |from| Ok(from.u64()?))?),
        _ => Ok(from.skip()?),
    })?;
    Ok(Scope {
        prefix: prefix.flatten(),
        methods: given(methods, "methods are missing")?,
        max_bytes: max_bytes.flatten(),
    })
}

fn read_caveat(from: &mut Decoder<'_>) -> Result<Caveat, Broken> {
    // The payload may come before its name, so it is read when both are there.
    let (mut name, mut payload) = (None, None);
    members(from, |member, from| match member {
        "t" => once(&mut name, text(from)?),
        "v" => once(&mut payload, item(from)?),
        _ => Ok(from.skip()?),
    })?;
    let name = given(name, "a caveat has no t")?;
    let payload = given(payload, "a caveat has no v")?;
    let mut from = Decoder::new(payload);
    let caveat = match name.as_str() {
        "Exp" => Caveat::Exp(from.u64()?),
        "Nbf" => Caveat::Nbf(from.u64()?),
        "Aud" => Caveat::Aud(text(&mut from)?),
        "Method" => Caveat::Method(list(&mut from, text)?),
        "PathPrefix" => Caveat::PathPrefix(text(&mut from)?),
        "IpCidr" => Caveat::IpCidr(text(&mut from)?),
        "BytesLe" => Caveat::BytesLe(from.u64()?),
        "Rate" => Caveat::Rate(rate(&mut from)?),
        "Tenant" => Caveat::Tenant(text(&mut from)?),
        "Amnesia" => Caveat::Amnesia(from.bool()?),
        "GovPolicyDigest" => Caveat::GovPolicyDigest(text(&mut from)?),
        "Custom" => Caveat::Custom(custom(&mut from)?),
        _ => Caveat::Unknown {
            t: name,
            cbor: base16ct::lower::encode_string(payload),
        },
    };
    Ok(caveat)
}

fn rate(from: &mut Decoder<'_>) -> Result<Rate, Broken> {
    let (mut per_s, mut burst) = (None, None);
    members(from, |name, from| match name {
        "per_s" => once(&mut per_s, from.u32()?),
        "burst" => once(&mut burst, from.u32()?),
        _ => Ok(from.skip()?),
    })?;
    Ok(Rate {
        per_s: given(per_s, "per_s is missing")?,
        burst: given(burst, "burst is missing")?,
    })
}

fn custom(from: &mut Decoder<'_>) -> Result<Custom, Broken> {
    let (mut ns, mut name, mut cbor) = (None, None, None);
    members(from, |member, from| match member {
        "ns" => once(&mut ns, text(from)?),
        "name" => once(&mut name, text(from)?),
        "cbor" => once(&mut cbor, base16ct::lower::encode_string(item(from)?)),
        _ => Ok(from.skip()?),
    })?;
    Ok(Custom {
        ns: given(ns, "ns is missing")?,
        name: given(name, "name is missing")?,
        cbor: given(cbor, "cbor is missing")?,
    })
}

/// Reads a map of named members, of a definite length or not.
fn members<'a>(
    from: &mut Decoder<'a>,
    mut member: impl FnMut(&str, &mut Decoder<'a>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut left = from.map()?;
    while more(from, &mut left)? {
        let name = text(from)?;
        member(&name, from)?;
    }
    Ok(())
}

/// Reads an array, of a definite length or not.
fn list<'a, T>(
    from: &mut Decoder<'a>,
    read: fn(&mut Decoder<'a>) -> Result<T, Broken>,
) -> Result<Vec<T>, Broken> {
    let mut left = from.array()?;
    let mut items = Vec::new();
    while more(from, &mut left)? {
        items.push(read(from)?);
    }
    Ok(items)
}

/// Whether another element follows; `left` is how many, unless a mark ends them.
fn more(from: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Broken> {
    match left {
        Some(0) => Ok(false),
        Some(number) => {
            *number -= 1;
            Ok(true)
        }
        None if from.datatype()? == Type::Break => {
            from.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn optional<'a, T>(
    from: &mut Decoder<'a>,
    read: fn(&mut Decoder<'a>) -> Result<T, Broken>,
) -> Result<Option<T>, Broken> {
    match from.datatype()? {
        Type::Null => Ok(from.null().map(|()| None)?),
        _ => read(from).map(Some),
    }
}

fn text(from: &mut Decoder<'_>) -> Result<String, Broken> {
    Ok(from.str()?.to_owned())
}

/// The bytes of the next item.
fn item<'a>(from: &mut Decoder<'a>) -> Result<&'a [u8], Broken> {
    let start = from.position();
    if from.datatype()? == Type::Break {
        return Err("the end of a list is no item".into());
    }
    from.skip()?;
    Ok(&from.input()[start..from.position()])
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Broken> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err("a member is there twice".into()),
    }
}

fn given<T>(slot: Option<T>, fault: &'static str) -> Result<T, Broken> {
    slot.ok_or_else(|| fault.into())
}
