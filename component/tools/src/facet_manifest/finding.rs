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
    errors: usize,
    left_out: usize,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, severity: Severity, field: &str, message: impl Into<String>) {
        self.errors += usize::from(severity == Severity::Error);
        if self.kept.len() == MAX_FINDINGS {
            self.left_out += 1;
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
        self.errors > 0
    }

    /// Those that are told, and at their end how many are not.
    pub fn told(mut self) -> Vec<Finding> {
        if self.left_out > 0 {
            let severity = if self.has_errors() {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.kept.push(Finding {
                severity,
                field: String::new(),
                message: format!(
                    "{} more findings are left out, and there are {} errors in all; mend these first",
                    self.left_out, self.errors
                ),
                });
        }
        self.kept
    }
}
