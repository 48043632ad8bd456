//! What the real verifier would say of a request (`protocol.md` 5.4), as far as can be known here.
//!
//! It saves calls that would be refused. It decides nothing: only the server's word counts.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::token::Caveat;

/// How far clocks may differ, in seconds: the real verifier's default.
pub const SKEW_SECONDS: u64 = 60;

/// A request, and what is known of the server. What is not known leaves caveats undecided.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    /// The wall clock in seconds since 1970.
    pub now: u64,
    /// How far the server's clock may differ, in seconds; by default [`SKEW_SECONDS`].
    #[serde(default = "skew")]
    pub skew: u64,
    /// The method.
    #[serde(default)]
    pub method: Option<String>,
    /// The path, as the server sees it.
    #[serde(default)]
    pub path: Option<String>,
    /// The size of the content in bytes.
    #[serde(default)]
    pub length: Option<u64>,
    /// The tenant.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Whether the node forgets everything when it ends.
    #[serde(default)]
    pub amnesia: Option<bool>,
    /// The digest of the node's policy in hexadecimal digits.
    #[serde(default)]
    pub policy_digest: Option<String>,
    /// The client's address, as the server sees it.
    #[serde(default)]
    pub peer: Option<IpAddr>,
}

fn skew() -> u64 {
    SKEW_SECONDS
}

/// What the verifier would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// No caveat stands against the request, but for those that could not be decided.
    Allowed {
        /// Names of caveats that could not be decided.
        undecided: Vec<String>,
    },
    /// Some do.
    Denied {
        /// The verifier's names of the reasons.
        reasons: Vec<Reason>,
    },
    /// The token's time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It has a caveat that the verifier does not know, so that it does not read the token.
    Malformed,
}

/// Why a request is denied: the real verifier's names, in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// `Aud`.
    BadAudience,
    /// `Method`.
    MethodNotAllowed,
    /// `PathPrefix`.
    PathNotAllowed,
    /// `IpCidr`.
    IpNotAllowed,
    /// `BytesLe`.
    BytesExceed,
    /// `Tenant`.
    TenantMismatch,
    /// `Amnesia`.
    AmnesiaMismatch,
    /// `GovPolicyDigest`.
    GovPolicyDigestMismatch,
}

/// What caveats say of a request, in the verifier's order: the first caveat of time
/// that fails ends it. The message authentication code and the scope are not looked at.
pub fn evaluate(caveats: &[Caveat], situation: &Situation) -> Verdict {
    if caveats
        .iter()
        .any(|caveat| matches!(caveat, Caveat::Unknown { .. }))
    {
        return Verdict::Malformed;
    }
    let mut reasons = Vec::new();
    let mut undecided = Vec::new();
    for caveat in caveats {
        let (holds, reason) = match caveat {
            Caveat::Exp(end) if situation.now > end.saturating_add(situation.skew) => {
                return Verdict::Expired;
            }
            Caveat::Nbf(start) if situation.now.saturating_add(situation.skew) < *start => {
                return Verdict::NotYetValid;
            }
            Caveat::Aud(audience) => (
                equal(audience, situation.policy_digest.as_deref()),
                Reason::BadAudience,
            ),
            Caveat::Method(methods) => {
                let among = |method: &String| {
                    methods
                        .iter()
                        .any(|allowed| allowed.eq_ignore_ascii_case(method))
                };
                (
                    situation.method.as_ref().map(among),
                    Reason::MethodNotAllowed,
                )
            }
            Caveat::PathPrefix(prefix) => {
                let inside = |path: &String| path.starts_with(prefix.as_str());
                (situation.path.as_ref().map(inside), Reason::PathNotAllowed)
            }
            Caveat::IpCidr(network) => {
                let network: Option<IpNet> = network.parse().ok();
                let inside = |peer: &IpAddr| network.is_some_and(|network| network.contains(peer));
                (situation.peer.as_ref().map(inside), Reason::IpNotAllowed)
            }
            Caveat::BytesLe(most) => {
                // The verifier lets a request of an unknown length pass.
                let fits = situation.length.is_none_or(|length| length <= *most);
                (Some(fits), Reason::BytesExceed)
            }
            Caveat::Tenant(tenant) => (
                equal(tenant, situation.tenant.as_deref()),
                Reason::TenantMismatch,
            ),
            Caveat::Amnesia(flag) => (
                situation.amnesia.map(|amnesia| amnesia == *flag),
                Reason::AmnesiaMismatch,
            ),
            Caveat::GovPolicyDigest(digest) => (
                equal(digest, situation.policy_digest.as_deref()),
                Reason::GovPolicyDigestMismatch,
            ),
            // The verifier ignores rates and what it does not know the meaning of.
            _ => continue,
        };
        match holds {
            Some(true) => {}
            Some(false) => reasons.push(reason),
            None => undecided.push(caveat.name().to_owned()),
        }
    }
    match reasons.is_empty() {
        true => Verdict::Allowed { undecided },
        false => Verdict::Denied { reasons },
    }
}

fn equal(wanted: &str, known: Option<&str>) -> Option<bool> {
    known.map(|known| known == wanted)
}
