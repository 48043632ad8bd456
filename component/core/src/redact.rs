//! Keeping secrets out of texts.

use crate::defaults::MIN_SCRUBBED_SECRET_BYTES;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Replaces known secrets in texts that may reach a log.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// A redactor of these secrets. Those shorter than eight bytes would tear holes into innocent
    /// text and are left to be kept out by name.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self {
            secrets: secrets
                .into_iter()
                .filter(|secret| secret.len() >= MIN_SCRUBBED_SECRET_BYTES)
                .collect(),
        }
    }

    /// Whether there is a secret in `text`.
    pub fn finds(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret))
    }

    /// Replaces each secret in `text`; returns whether there was one.
    pub fn scrub(&self, text: &mut String) -> bool {
        let mut found = false;
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), REDACTED);
                found = true;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        texts: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        secret: String,
        text: String,
        scrubbed: String,
    }

    #[test]
    fn every_text_of_the_vectors_is_scrubbed_as_they_say() {
        let file: File = vectors::read("redaction.json");
        assert!(file.texts.len() > 10);
        for case in file.texts {
            let mut text = case.text;
            let found = Redactor::new([case.secret]).scrub(&mut text);
            assert_eq!(text, case.scrubbed);
            assert_eq!(found, text.contains(REDACTED));
        }
    }

    #[test]
    fn a_secret_of_eight_bytes_is_replaced_wherever_it_stands() {
        let redactor = Redactor::new(["12345678".to_owned(), "short".to_owned()]);
        let mut text = "a 12345678 b short c12345678".to_owned();
        assert!(redactor.scrub(&mut text));
        assert!(!redactor.scrub(&mut text));
        assert_eq!(text, "a [redacted] b short c[redacted]");
    }
}
