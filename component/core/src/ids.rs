//! Ids of a logical call, made from randomness that the host provides.

use uuid::Builder;
use uuid::fmt::{Hyphenated, Simple};

/// A request id: 32 lower-case hexadecimal digits of a UUIDv4.
pub fn request_id(random: [u8; 16]) -> String {
    let uuid = Builder::from_random_bytes(random).into_uuid();
    uuid.as_simple()
        .encode_lower(&mut [0; Simple::LENGTH])
        .to_owned()
}

/// An idempotency key: a UUIDv4 with hyphens.
pub fn idempotency_key(random: [u8; 16]) -> String {
    let uuid = Builder::from_random_bytes(random).into_uuid();
    uuid.as_hyphenated()
        .encode_lower(&mut [0; Hyphenated::LENGTH])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_uuids_of_the_given_randomness() {
        assert_eq!(request_id([0xff; 16]), "ffffffffffff4fffbfffffffffffffff");
        assert_eq!(
            idempotency_key([0; 16]),
            "00000000-0000-4000-8000-000000000000"
        );
    }
}
