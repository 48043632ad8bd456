//! A virtual WASI. It implements the interfaces that an HTTP client imports by queueing commands
//! for the host and taking events from it, so that sockets, time and randomness are the host's and
//! every run can be replayed.
//!
//! The logic is plain Rust over an `Instance`, which tests run natively in virtual time. `wasi` and
//! `port` alone know the component model: they put the WASI interfaces and the bridge's side on top.
//! `commands` and `events` are those of `docs/abi.md`, and `wait` is where it blocks.

mod clocks;
mod commands;
mod defaults;
mod events;
mod exchange;
mod failure;
mod fields;
mod generator;
mod header_block;
mod incoming;
mod input_stream;
mod instance;
mod outgoing;
mod outgoing_body;
mod output_stream;
mod pollable;
mod port;
mod request_body;
mod stream_error;
mod uri;
mod wait;
mod wasi;
mod wit;

#[cfg(test)]
mod models;

/// The component.
struct Wire;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: ron_memory::ComponentAllocator = ron_memory::component_allocator();
