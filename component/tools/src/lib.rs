//! What clients use beside calls, one module for each feature.
//!
//! Nothing here does input or output. The crate is a library for other Rust programs, and built for
//! WebAssembly it is `ron_tools.wasm`, a component without imports.

pub mod defaults;
pub mod facet_manifest;
#[cfg(target_family = "wasm")]
mod wit;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
