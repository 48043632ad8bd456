//! The exports of the interface `capabilities`.

use super::Tools;
use super::exports::ron::tools::capabilities as wit;
use crate::capability::{
    Caveat, Claims, Custom, Fault, Key, Rate, Reason, Scope, Situation, Token, Verdict, evaluate,
};

impl wit::Guest for Tools {
    fn parse(token: String) -> Result<wit::Claims, String> {
        let Claims {
            tid,
            kid,
            scope,
            caveats,
        } = parsed(&token)?.claims;
        Ok(wit::Claims {
            tid,
            kid,
            scope: wit::Scope {
                prefix: scope.prefix,
                methods: scope.methods,
                max_bytes: scope.max_bytes,
            },
            caveats: caveats.into_iter().map(told).collect(),
        })
    }

    fn mint(key: String, claims: wit::Claims) -> Result<String, String> {
        let wit::Scope {
            prefix,
            methods,
            max_bytes,
        } = claims.scope;
        let claims = Claims {
            tid: claims.tid,
            kid: claims.kid,
            scope: Scope {
                prefix,
                methods,
                max_bytes,
            },
            caveats: claims.caveats.into_iter().map(given).collect(),
        };
        text(issuers(&key)?.mint(claims))
    }

    fn extend(key: String, token: String, caveats: Vec<wit::Caveat>) -> Result<String, String> {
        let caveats = caveats.into_iter().map(given).collect();
        text(issuers(&key)?.extend(&parsed(&token)?, caveats))
    }

    fn verify(key: String, token: String) -> Result<bool, String> {
        Ok(issuers(&key)?.minted(&parsed(&token)?))
    }

    fn evaluate(token: String, situation: wit::Situation) -> Result<wit::Verdict, String> {
        let peer = match situation.peer {
            None => None,
            Some(address) => Some(
                address
                    .parse()
                    .map_err(|_| "peer is no IP address".to_owned())?,
            ),
        };
        let situation = Situation {
            now: situation.now,
            skew: situation.skew,
            method: situation.method,
            path: situation.path,
            length: situation.length,
            tenant: situation.tenant,
            amnesia: situation.amnesia,
            policy_digest: situation.policy_digest,
            peer,
        };
        Ok(
            match evaluate(&parsed(&token)?.claims.caveats, &situation) {
                Verdict::Allowed { undecided } => wit::Verdict::Allowed(undecided),
                Verdict::Denied { reasons } => {
                    wit::Verdict::Denied(reasons.into_iter().map(reason).collect())
                }
                Verdict::Expired => wit::Verdict::Expired,
                Verdict::NotYetValid => wit::Verdict::NotYetValid,
                Verdict::Malformed => wit::Verdict::Malformed,
            },
        )
    }
}

fn issuers(digits: &str) -> Result<Key, String> {
    Key::from_digits(digits).map_err(|fault| fault.to_string())
}

fn parsed(text: &str) -> Result<Token, String> {
    Token::parse(text).map_err(of_token)
}

fn text(token: Result<Token, Fault>) -> Result<String, String> {
    token.map(|token| token.text()).map_err(of_token)
}

fn of_token(fault: Fault) -> String {
    ["the token is no good: ", &fault.to_string()].concat()
}

fn given(caveat: wit::Caveat) -> Caveat {
    match caveat {
        wit::Caveat::Exp(time) => Caveat::Exp(time),
        wit::Caveat::Nbf(time) => Caveat::Nbf(time),
        wit::Caveat::Aud(audience) => Caveat::Aud(audience),
        wit::Caveat::Method(methods) => Caveat::Method(methods),
        wit::Caveat::PathPrefix(prefix) => Caveat::PathPrefix(prefix),
        wit::Caveat::IpCidr(network) => Caveat::IpCidr(network),
        wit::Caveat::BytesLe(most) => Caveat::BytesLe(most),
        wit::Caveat::Rate(wit::Rate { per_s, burst }) => Caveat::Rate(Rate { per_s, burst }),
        wit::Caveat::Tenant(tenant) => Caveat::Tenant(tenant),
        wit::Caveat::Amnesia(flag) => Caveat::Amnesia(flag),
        wit::Caveat::GovPolicyDigest(digest) => Caveat::GovPolicyDigest(digest),
        wit::Caveat::Custom(wit::Custom { ns, name, cbor }) => {
            Caveat::Custom(Custom { ns, name, cbor })
        }
        wit::Caveat::Unknown(wit::Unknown { t, cbor }) => Caveat::Unknown { t, cbor },
    }
}

fn told(caveat: Caveat) -> wit::Caveat {
    match caveat {
        Caveat::Exp(time) => wit::Caveat::Exp(time),
        Caveat::Nbf(time) => wit::Caveat::Nbf(time),
        Caveat::Aud(audience) => wit::Caveat::Aud(audience),
        Caveat::Method(methods) => wit::Caveat::Method(methods),
        Caveat::PathPrefix(prefix) => wit::Caveat::PathPrefix(prefix),
        Caveat::IpCidr(network) => wit::Caveat::IpCidr(network),
        Caveat::BytesLe(most) => wit::Caveat::BytesLe(most),
        Caveat::Rate(Rate { per_s, burst }) => wit::Caveat::Rate(wit::Rate { per_s, burst }),
        Caveat::Tenant(tenant) => wit::Caveat::Tenant(tenant),
        Caveat::Amnesia(flag) => wit::Caveat::Amnesia(flag),
        Caveat::GovPolicyDigest(digest) => wit::Caveat::GovPolicyDigest(digest),
        Caveat::Custom(Custom { ns, name, cbor }) => {
            wit::Caveat::Custom(wit::Custom { ns, name, cbor })
        }
        Caveat::Unknown { t, cbor } => wit::Caveat::Unknown(wit::Unknown { t, cbor }),
    }
}

fn reason(reason: Reason) -> wit::Reason {
    match reason {
        Reason::BadAudience => wit::Reason::BadAudience,
        Reason::MethodNotAllowed => wit::Reason::MethodNotAllowed,
        Reason::PathNotAllowed => wit::Reason::PathNotAllowed,
        Reason::IpNotAllowed => wit::Reason::IpNotAllowed,
        Reason::BytesExceed => wit::Reason::BytesExceed,
        Reason::TenantMismatch => wit::Reason::TenantMismatch,
        Reason::AmnesiaMismatch => wit::Reason::AmnesiaMismatch,
        Reason::GovPolicyDigestMismatch => wit::Reason::GovPolicyDigestMismatch,
    }
}
