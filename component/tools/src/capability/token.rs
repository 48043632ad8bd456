//! What a token says (`protocol.md` 5.2).

use std::fmt;

use serde::{Deserialize, Serialize};

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

impl Claims {
    /// Checks that there are not too many caveats.
    pub(super) fn check_number(&self) -> Result<(), Fault> {
        let number = self.caveats.len();
        match number > MAX_CAVEATS {
            true => Err(Fault(format!(
                "it has {number} caveats, more than {MAX_CAVEATS}"
            ))),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
