//! Tokens of ron-auth: capabilities as the real crate writes and reads them (`protocol.md` 5).
//!
//! Each caveat is folded in with the issuer's root key, so who holds a token can't narrow it; the
//! issuer can. Nothing here decides what a server allows: what is evaluated here only saves a call
//! that would be refused.

mod cbor;
mod chain;
mod evaluate;
mod text;
mod token;

#[cfg(test)]
mod tests;

pub use chain::{KEY_BYTES, Key};
pub use evaluate::{Reason, SKEW_SECONDS, Situation, Verdict, evaluate};
pub use token::{
    Caveat, Claims, Custom, Fault, MAC_BYTES, MAX_CAVEATS, MAX_TOKEN_BYTES, Rate, Scope, Token,
};
