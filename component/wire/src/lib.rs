//! A virtual WASI. It implements the interfaces that an HTTP client imports by queueing commands
//! for the host and taking events from it, so that sockets, time and randomness are the host's and
//! every run can be replayed.
//!
//! `exchange` holds the state; the modules named after WASI packages put the WASI interfaces on
//! top of it; `commands` and `events` are those of `docs/abi.md`, and `wait` is where it blocks.

mod clocks;
mod commands;
mod entropy;
mod events;
mod exchange;
mod fields;
mod header_block;
mod http;
mod io;
mod port;
mod random;
mod state;
mod wait;
mod wit;

/// The component.
struct Wire;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
