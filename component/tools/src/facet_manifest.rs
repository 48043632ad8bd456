//! Facet manifests: TOML files that tell a micronode what to mount (`protocol.md` 6).
//!
//! A manifest comes as JSON of the names and nesting of the TOML text ([`model`]), in which [`read`] looks
//! for what the node's loader wants, and [`rules`] have their say. What is wrong, and what the node would
//! ignore, are [`finding`]s.

pub mod finding;
pub mod model;
mod read;
mod rules;
mod table;
mod tree;
mod write;

#[cfg(test)]
mod loader;
#[cfg(test)]
mod tests;

use finding::{Finding, Findings, Severity};
use model::Manifest;
use tree::Value;

use crate::defaults::MAX_MANIFEST_BYTES;

/// What a text comes to.
#[derive(Debug)]
pub struct Reading {
    /// The manifest, if no finding is an error.
    pub manifest: Option<Manifest>,
    /// What there is to say of it, in the order of the model.
    pub findings: Vec<Finding>,
    /// The files of a static facet, for whoever can look at files.
    pub files: Vec<RouteFile>,
}

/// A file that a route names, relative and without a way up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFile {
    /// Where it is named, such as `route[0].file`.
    pub field: String,
    /// Its path.
    pub path: String,
}

impl Manifest {
    /// Reads the JSON form of a manifest, or of the legacy form that nodes load too.
    pub fn from_json(json: &str) -> Reading {
        let mut findings = Findings::default();
        let (manifest, files) = parsed(json, &mut findings)
            .map(|root| read::manifest(&root, &mut findings))
            .unwrap_or_default();
        Reading {
            manifest: manifest.filter(|_| !findings.has_errors()),
            findings: findings.told(),
            files,
        }
    }
}

fn parsed(json: &str, findings: &mut Findings) -> Option<Value> {
    if json.len() > MAX_MANIFEST_BYTES {
        let message = format!(
            "the manifest has {} bytes of JSON, more than {MAX_MANIFEST_BYTES}; make several facets of it",
            json.len()
        );
        findings.push(Severity::Error, "", message);
        return None;
    }
    match serde_json::from_str(json) {
        Ok(root) => Some(root),
        Err(error) => {
            // Its own text would take a tenth of the component.
            let (line, column) = (error.line(), error.column());
            let message =
                format!("this is not JSON, or nests too deep, at line {line}, column {column}");
            findings.push(Severity::Error, "", message);
            None
        }
    }
}
