//! Facet manifests: TOML files that tell a micronode what to mount (`protocol.md` 6).
//!
//! A manifest is read from TOML or from JSON of the same names and nesting ([`model`]). Both become a
//! [`tree`], in which [`read`] looks for what the node's loader wants and [`rules`] have their say. What
//! is wrong, and what the node would ignore, are [`finding`]s.

pub mod finding;
pub mod model;
mod read;
mod rules;
mod table;
mod tree;
mod write;

use finding::{Finding, Findings};
use model::Manifest;
use tree::Node;

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
    /// The line of the TOML text.
    pub line: Option<u32>,
}

impl Manifest {
    /// Reads a manifest as a node's loader does, with the line of each finding.
    pub fn read_toml(text: &str) -> Reading {
        reading(text, tree::of_toml)
    }

    /// Reads the JSON form of a manifest.
    pub fn read_json(text: &str) -> Reading {
        reading(text, tree::of_json)
    }

    /// The JSON form.
    pub fn to_json(&self) -> String {
        // It has no maps whose keys could be anything but text, and a String takes everything.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn reading(text: &str, tree: fn(&str) -> Result<Node, Finding>) -> Reading {
    let root = if text.len() > MAX_MANIFEST_BYTES {
        Err(Finding::error(format!(
            "the manifest has {} bytes, more than {MAX_MANIFEST_BYTES}; make several facets of it",
            text.len()
        )))
    } else {
        tree(text)
    };
    match root {
        Ok(root) => {
            let mut findings = Findings::default();
            let (manifest, files) = read::manifest(&root, &mut findings);
            Reading {
                manifest: manifest.filter(|_| !findings.has_errors()),
                findings: findings.told(),
                files,
            }
        }
        Err(finding) => Reading {
            manifest: None,
            findings: vec![finding],
            files: Vec::new(),
        },
    }
}
