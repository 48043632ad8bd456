//! The capabilities against the shared vectors and against themselves.

use proptest::prelude::*;
use serde::Deserialize;

use super::cbor::check_item;
use super::token::Custom;
use super::{Caveat, Claims, Key, Rate, Scope, Situation, Token, Verdict, evaluate};

#[derive(Deserialize)]
struct Vectors {
    key: String,
    minted: Vec<Minted>,
    caveats: Vec<Written>,
    read: Vec<Read>,
    unreadable: Vec<Unreadable>,
    evaluated: Vec<Evaluated>,
}

#[derive(Deserialize)]
struct Minted {
    name: String,
    claims: Claims,
    tags: Vec<String>,
    token: String,
}

#[derive(Deserialize)]
struct Written {
    caveat: Caveat,
    cbor: String,
}

#[derive(Deserialize)]
struct Read {
    name: String,
    token: String,
    minted: bool,
    caveats: serde_json::Value,
}

#[derive(Deserialize)]
struct Unreadable {
    name: String,
    token: String,
    named: Vec<String>,
}

#[derive(Deserialize)]
struct Evaluated {
    name: String,
    token: String,
    situation: Situation,
    verdict: Verdict,
}

fn vectors() -> (Key, Vectors) {
    let text = include_str!("../../../../tests/vectors/tokens.json");
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    (Key::from_digits(&vectors.key).unwrap(), vectors)
}

fn hexadecimal(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

#[test]
fn tokens_are_minted_byte_for_byte() {
    let (key, vectors) = vectors();
    for case in vectors.minted {
        for (index, tag) in case.tags.iter().enumerate() {
            let mut claims = case.claims.clone();
            claims.caveats.truncate(index);
            let token = key.mint(claims).unwrap();
            assert_eq!(&hexadecimal(&token.mac), tag, "{} {index}", case.name);
        }
        let token = key.mint(case.claims).unwrap();
        assert_eq!(token.text(), case.token, "{}", case.name);
        assert_eq!(Token::parse(&case.token), Ok(token), "{}", case.name);
    }
}

#[test]
fn each_caveat_is_written_as_the_real_crate_writes_it() {
    for case in vectors().1.caveats {
        let bytes = super::cbor::caveat(&case.caveat);
        assert_eq!(hexadecimal(&bytes), case.cbor, "{:?}", case.caveat);
    }
}

#[test]
fn tokens_are_read_in_every_form_that_the_real_crate_reads() {
    let (key, vectors) = vectors();
    for case in vectors.read {
        let token = Token::parse(&case.token).unwrap();
        assert_eq!(key.minted(&token), case.minted, "{}", case.name);
        let caveats = serde_json::to_value(&token.claims.caveats).unwrap();
        assert_eq!(caveats, case.caveats, "{}", case.name);
    }
}

#[test]
fn what_is_no_token_is_named_and_not_quoted() {
    for case in vectors().1.unreadable {
        let fault = Token::parse(&case.token).unwrap_err().to_string();
        for name in &case.named {
            assert!(fault.contains(name), "{}: {fault}", case.name);
        }
        assert!(case.token.len() < 8 || !fault.contains(&case.token[..8]));
    }
}

#[test]
fn a_forged_token_is_not_extended() {
    let (key, vectors) = vectors();
    for case in vectors.read {
        let token = Token::parse(&case.token).unwrap();
        let extended = key.extend(&token, vec![Caveat::Exp(1)]);
        assert_eq!(extended.is_ok(), case.minted, "{}", case.name);
    }
}

#[test]
fn caveats_mean_what_the_real_verifier_makes_of_them() {
    for case in vectors().1.evaluated {
        let token = Token::parse(&case.token).unwrap();
        let verdict = evaluate(&token.claims.caveats, &case.situation);
        assert_eq!(verdict, case.verdict, "{}", case.name);
    }
}

#[test]
fn what_the_verifier_would_refuse_is_not_minted() {
    let (key, _) = vectors();
    let unknown = Caveat::Unknown {
        t: "Later".to_owned(),
        cbor: "f6".to_owned(),
    };
    let custom = Caveat::Custom(Custom {
        ns: "n".to_owned(),
        name: "m".to_owned(),
        cbor: "0707".to_owned(),
    });
    let long = Caveat::Aud("a".repeat(4000));
    for (caveats, named) in [
        (vec![unknown], "unknown"),
        (vec![custom], "one item"),
        (vec![Caveat::Exp(1); 65], "65 caveats"),
        (vec![long], "4096"),
    ] {
        let fault = key.mint(claims(Scope::default(), caveats.clone()));
        assert!(fault.unwrap_err().to_string().contains(named));
        let token = key.mint(claims(Scope::default(), vec![])).unwrap();
        let fault = key.extend(&token, caveats).unwrap_err();
        assert!(fault.to_string().contains(named));
    }
}

#[test]
fn a_key_has_32_bytes_and_is_not_repeated() {
    for digits in ["", "00", &"0".repeat(63), &"0".repeat(66), &"x".repeat(64)] {
        let Err(fault) = Key::from_digits(digits) else {
            panic!("{digits} is no key");
        };
        assert!(fault.to_string().contains("32 bytes"));
        assert!(digits.len() < 8 || !fault.to_string().contains(digits));
    }
}

#[test]
fn a_token_shows_nothing_of_itself() {
    let (key, _) = vectors();
    let token = key.mint(claims(Scope::default(), vec![])).unwrap();
    assert_eq!(format!("{token:?}"), "Token([redacted])");
}

#[test]
fn an_item_of_cbor_is_one_and_whole() {
    for good in ["07", "a1616181f5", "F6", "9fff"] {
        check_item(good).unwrap();
    }
    for bad in ["", "0", "0g", "0707", "a1", "81", "ff"] {
        check_item(bad).unwrap_err();
    }
}

fn claims(scope: Scope, caveats: Vec<Caveat>) -> Claims {
    Claims {
        tid: "tenant".to_owned(),
        kid: "key".to_owned(),
        scope,
        caveats,
    }
}

fn scope() -> impl Strategy<Value = Scope> {
    let methods = prop::collection::vec(".{0,8}", 0..4);
    (prop::option::of(".{0,20}"), methods, any::<Option<u64>>()).prop_map(
        |(prefix, methods, max_bytes)| Scope {
            prefix,
            methods,
            max_bytes,
        },
    )
}

fn caveat() -> impl Strategy<Value = Caveat> {
    prop_oneof![
        any::<u64>().prop_map(Caveat::Exp),
        any::<u64>().prop_map(Caveat::Nbf),
        any::<u64>().prop_map(Caveat::BytesLe),
        ".{0,20}".prop_map(Caveat::Aud),
        ".{0,20}".prop_map(Caveat::PathPrefix),
        ".{0,20}".prop_map(Caveat::IpCidr),
        ".{0,20}".prop_map(Caveat::Tenant),
        ".{0,20}".prop_map(Caveat::GovPolicyDigest),
        prop::collection::vec(".{0,8}", 0..4).prop_map(Caveat::Method),
        any::<bool>().prop_map(Caveat::Amnesia),
        any::<(u32, u32)>().prop_map(|(per_s, burst)| Caveat::Rate(Rate { per_s, burst })),
        (".{0,8}", ".{0,8}", any::<u64>()).prop_map(|(ns, name, number)| {
            let cbor = hexadecimal(&minicbor::to_vec(number).unwrap());
            Caveat::Custom(Custom { ns, name, cbor })
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_minted_is_read_back_and_has_the_keys_mac(
        key: [u8; 32],
        other: [u8; 32],
        scope in scope(),
        caveats in prop::collection::vec(caveat(), 0..8),
        more in prop::collection::vec(caveat(), 0..3),
    ) {
        prop_assume!(key != other);
        let key = Key::new(key);
        let token = key.mint(claims(scope.clone(), caveats.clone())).unwrap();
        let read = Token::parse(&token.text()).unwrap();
        prop_assert_eq!(&read, &token);
        prop_assert!(key.minted(&read));
        prop_assert!(!Key::new(other).minted(&read));
        let json = serde_json::to_string(&caveats).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Caveat>>(&json).unwrap(), caveats.clone());

        let extended = key.extend(&read, more.clone()).unwrap();
        let at_once = key.mint(claims(scope, [caveats, more].concat()));
        prop_assert_eq!(extended, at_once.unwrap());
    }

    #[test]
    fn a_changed_bit_changes_nothing_or_is_no_token_of_the_key(
        caveats in prop::collection::vec(caveat(), 0..4),
        at: prop::sample::Index,
        bit in 0..8u8,
    ) {
        let key = Key::new([7; 32]);
        let token = key.mint(claims(Scope::default(), caveats)).unwrap();
        let mut bytes = super::cbor::encoded(&token);
        bytes[at.index(token.text().len() * 3 / 4)] ^= 1 << bit;
        if let Ok(read) = super::cbor::decoded(&bytes) {
            prop_assert_eq!(key.minted(&read), read == token);
        }
    }

    #[test]
    fn a_caveat_never_turns_a_denial_into_a_permission(
        caveats in prop::collection::vec(caveat(), 0..4),
        more in prop::collection::vec(caveat(), 0..3),
        now: u64,
        length: Option<u64>,
        amnesia: Option<bool>,
    ) {
        let key = Key::new([7; 32]);
        let situation = Situation {
            now,
            skew: 60,
            length,
            amnesia,
            method: Some("GET".to_owned()),
            path: Some("/app/x".to_owned()),
            ..Situation::default()
        };
        let token = key.mint(claims(Scope::default(), caveats)).unwrap();
        let narrowed = key.extend(&token, more).unwrap();
        let allowed = |token: &Token| {
            let verdict = evaluate(&token.claims.caveats, &situation);
            matches!(verdict, Verdict::Allowed { .. })
        };
        prop_assert!(allowed(&token) || !allowed(&narrowed));
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
        let _ = super::cbor::decoded(&bytes);
        let _ = Token::parse(&text);
    }
}
