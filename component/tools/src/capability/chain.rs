//! The chain of message authentication codes (`protocol.md` 5.2).
//!
//! The real crate means to begin the first input with a domain separator and loses it; what it does
//! is what servers check.

use subtle::ConstantTimeEq;

use super::cbor;
use super::token::{Caveat, Claims, Fault, MAC_BYTES, Token};

/// The size of an issuer's key.
pub const KEY_BYTES: usize = 32;

/// An issuer's root key.
pub struct Key([u8; KEY_BYTES]);

impl Key {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A key in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// They are not those of [`KEY_BYTES`] bytes. The message does not repeat them.
    pub fn from_digits(digits: &str) -> Result<Self, Fault> {
        let mut key = Self([0; KEY_BYTES]);
        match base16ct::mixed::decode(digits, &mut key.0) {
            Ok(bytes) if bytes.len() == KEY_BYTES => Ok(key),
            _ => Err(Fault(format!(
                "the key is not {KEY_BYTES} bytes in hexadecimal digits"
            ))),
        }
    }

    /// Makes a token.
    ///
    /// # Errors
    ///
    /// The real verifier would refuse it: it is too large, has too many caveats or one that is
    /// unknown.
    pub fn mint(&self, claims: Claims) -> Result<Token, Fault> {
        let head = cbor::head(&claims.tid, &claims.kid, &claims.scope);
        let mac = self.folded(self.tag(&[&head]), &claims.caveats);
        Token { claims, mac }.checked()
    }

    /// Narrows a token.
    ///
    /// # Errors
    ///
    /// The token was not minted with this key: a forged one must not become a good one. Or as
    /// [`Key::mint`].
    pub fn extend(&self, token: &Token, caveats: Vec<Caveat>) -> Result<Token, Fault> {
        if !self.minted(token) {
            return Err(Fault(
                "it was not minted with this key, or was changed since".to_owned(),
            ));
        }
        let mac = self.folded(token.mac, &caveats);
        let mut claims = token.claims.clone();
        claims.caveats.extend(caveats);
        Token { claims, mac }.checked()
    }

    /// Whether a token was minted with this key.
    pub fn minted(&self, token: &Token) -> bool {
        let Claims {
            tid,
            kid,
            scope,
            caveats,
        } = &token.claims;
        let mac = self.folded(self.tag(&[&cbor::head(tid, kid, scope)]), caveats);
        mac.ct_eq(&token.mac).into()
    }

    fn folded(&self, first: [u8; MAC_BYTES], caveats: &[Caveat]) -> [u8; MAC_BYTES] {
        caveats.iter().fold(first, |tag, caveat| {
            self.tag(&[&tag, &cbor::caveat(caveat)])
        })
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
