//! Reads the vectors that all languages share: `tests/vectors/README.md`.

use serde::de::DeserializeOwned;

/// The content of a file of `tests/vectors/`.
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
