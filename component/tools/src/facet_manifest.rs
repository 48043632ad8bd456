//! Facet manifests: TOML files that tell a micronode what to mount (`protocol.md` 6).

pub mod model;
