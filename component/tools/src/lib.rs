//! What clients use beside calls, one module for each feature.
//!
//! Nothing here does input or output. The crate is a library for other Rust programs, and built for
//! WebAssembly it is `ron_tools.wasm`, a component without imports.

pub mod facet_manifest;
