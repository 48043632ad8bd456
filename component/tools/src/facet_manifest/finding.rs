//! What there is to say of a manifest.

use crate::defaults::MAX_FINDINGS;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The node would not load the facet, or it would be dangerous.
    Error,
    /// The node ignores something, or does otherwise than one may think.
    Warning,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Where, such as `route[1].method`; empty for the whole text.
    pub field: String,
    /// What, and the mend.
    pub message: String,
}

/// Findings as they come, of which a bounded number is kept.
#[derive(Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    errors: bool,
    left_out: bool,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, severity: Severity, field: &str, message: impl Into<String>) {
        self.errors |= severity == Severity::Error;
        if self.kept.len() == MAX_FINDINGS {
            self.left_out = true;
            return;
        }
        self.kept.push(Finding {
            severity,
            field: field.to_owned(),
            message: message.into(),
        });
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.errors
    }

    /// Whether no other would be told, or change what becomes of the manifest.
    pub fn suffice(&self) -> bool {
        self.has_errors() && self.left_out
    }

    /// Those that are told, and at their end whether there are more.
    pub fn told(mut self) -> Vec<Finding> {
        if self.left_out {
            let (severity, message) = match self.has_errors() {
                true => (
                    Severity::Error,
                    "more findings are left out, perhaps errors; mend these first",
                ),
                false => (Severity::Warning, "more warnings are left out"),
            };
            self.kept.push(Finding {
                severity,
                field: String::new(),
                message: message.to_owned(),
            });
        }
        self.kept
    }
}
