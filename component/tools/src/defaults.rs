//! Every number that the tools decide. `docs/defaults.md` lists them; a test holds that table to these
//! constants.

/// Longest JSON form of a facet manifest.
pub const MAX_MANIFEST_JSON_BYTES: usize = 256 * 1024;

/// Findings that are told of one manifest.
pub const MAX_FINDINGS: usize = 100;

/// Captures of a route's path that are compared with those of other routes.
pub const MAX_COMPARED_CAPTURES: usize = 16;
