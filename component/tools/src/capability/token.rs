//! What a token says, and its text form: base64url, without padding, of CBOR (`protocol.md` 5.2).

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::cbor;

/// The largest token that the real verifier takes, in bytes of CBOR (`protocol.md` 5.4).
pub const MAX_TOKEN_BYTES: usize = 4096;

/// The most caveats that it takes (`protocol.md` 5.4).
pub const MAX_CAVEATS: usize = 64;

/// The size of a message authentication code (`protocol.md` 5.2).
pub const MAC_BYTES: usize = 32;

/// A token (`protocol.md` 5.2). It is a credential: `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What it says.
    pub claims: Claims,
    /// The end of the chain: what makes it a credential.
    pub mac: [u8; MAC_BYTES],
}

/// What a token says (`protocol.md` 5.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The tenant whose key it is minted with.
    pub tid: String,
    /// The key's id.
    pub kid: String,
    /// What it is for.
    #[serde(default)]
    pub scope: Scope,
    /// What narrows it, in the order in which the chain holds them.
    #[serde(default)]
    pub caveats: Vec<Caveat>,
}

/// What a token is for. The verifier passes it on to the server, which may enforce it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// What paths begin with.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Methods; none means any.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The largest content in bytes.
    #[serde(default)]
    pub max_bytes: Option<u64>,
}

/// One caveat. The JSON form has the names of the CBOR form: `{"t": "Exp", "v": 1700000300}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", content = "v")]
pub enum Caveat {
    /// Not after this time, in seconds since 1970.
    Exp(u64),
    /// Not before this time, in seconds since 1970.
    Nbf(u64),
    /// The audience, which the real verifier compares with the digest of its policy.
    Aud(String),
    /// One of these methods.
    Method(Vec<String>),
    /// The path begins with this.
    PathPrefix(String),
    /// The peer's address is of this network.
    IpCidr(String),
    /// The content has at most so many bytes.
    BytesLe(u64),
    /// A rate, which the real verifier ignores.
    Rate(Rate),
    /// The tenant is this one.
    Tenant(String),
    /// The node forgets everything when it ends, or does not.
    Amnesia(bool),
    /// The digest of the node's policy in hexadecimal digits.
    GovPolicyDigest(String),
    /// What only some servers know, and the real verifier ignores.
    Custom(Custom),
    /// One that ron-auth does not know: it refuses the token. Never minted.
    #[serde(skip_deserializing)]
    Unknown {
        /// Its name.
        t: String,
        /// Its payload: CBOR in hexadecimal digits.
        cbor: String,
    },
}

impl Caveat {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Exp(_) => "Exp",
            Self::Nbf(_) => "Nbf",
            Self::Aud(_) => "Aud",
            Self::Method(_) => "Method",
            Self::PathPrefix(_) => "PathPrefix",
            Self::IpCidr(_) => "IpCidr",
            Self::BytesLe(_) => "BytesLe",
            Self::Rate(_) => "Rate",
            Self::Tenant(_) => "Tenant",
            Self::Amnesia(_) => "Amnesia",
            Self::GovPolicyDigest(_) => "GovPolicyDigest",
            Self::Custom(_) => "Custom",
            Self::Unknown { t, .. } => t,
        }
    }
}

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second.
    pub per_s: u32,
    /// Requests at once.
    pub burst: u32,
}

/// A caveat of some servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// Whose it is.
    pub ns: String,
    /// Its name.
    pub name: String,
    /// Its payload: one item of CBOR in hexadecimal digits.
    pub cbor: String,
}

/// Why a text is no token. Names what is wrong and never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub(super) String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// The text is no base64url, is larger than [`MAX_TOKEN_BYTES`], or is not CBOR of this shape.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_TOKEN_BYTES.div_ceil(3) * 4 {
            return Err(Fault(format!(
                "it has {} characters, more than {MAX_TOKEN_BYTES} bytes take",
                text.len()
            )));
        }
        let bytes = Base64UrlUnpadded::decode_vec(text)
            .map_err(|_| Fault("it is not base64url without padding".to_owned()))?;
        check_size(&bytes)?;
        let token = cbor::decoded(&bytes)?;
        token.claims.check_number()?;
        Ok(token)
    }

    /// The token, if the real verifier would read it.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        self.claims.check_number()?;
        for caveat in &self.claims.caveats {
            match caveat {
                Caveat::Custom(custom) => cbor::check_item(&custom.cbor)?,
                Caveat::Unknown { .. } => {
                    return Err(Fault("it has a caveat that is unknown".to_owned()));
                }
                _ => {}
            }
        }
        check_size(&cbor::encoded(&self))?;
        Ok(self)
    }

    /// The text form.
    pub fn text(&self) -> String {
        Base64UrlUnpadded::encode_string(&cbor::encoded(self))
    }
}

impl Claims {
    fn check_number(&self) -> Result<(), Fault> {
        let number = self.caveats.len();
        match number > MAX_CAVEATS {
            true => Err(Fault(format!(
                "it has {number} caveats, more than {MAX_CAVEATS}"
            ))),
            false => Ok(()),
        }
    }
}

fn check_size(cbor: &[u8]) -> Result<(), Fault> {
    let size = cbor.len();
    match size > MAX_TOKEN_BYTES {
        true => Err(Fault(format!(
            "it has {size} bytes, more than {MAX_TOKEN_BYTES}"
        ))),
        false => Ok(()),
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
