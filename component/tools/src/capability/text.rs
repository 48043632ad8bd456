//! The text form of tokens: base64url, without padding, of CBOR (`protocol.md` 5.2).

use base64ct::{Base64UrlUnpadded, Encoding};

use super::cbor;
use super::token::{Caveat, Fault, MAX_TOKEN_BYTES, Token};

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

fn check_size(cbor: &[u8]) -> Result<(), Fault> {
    let size = cbor.len();
    match size > MAX_TOKEN_BYTES {
        true => Err(Fault(format!(
            "it has {size} bytes, more than {MAX_TOKEN_BYTES}"
        ))),
        false => Ok(()),
    }
}
