//! What clients use beside calls, one module for each feature.
//!
//! Nothing here does input or output. The crate is a library for other Rust programs, and built for
//! WebAssembly it is `ron_tools.wasm`, a component without imports.

pub mod capability;
pub mod defaults;
pub mod facet_manifest;
#[cfg(target_family = "wasm")]
mod wit;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: ron_memory::ComponentAllocator = ron_memory::component_allocator();
