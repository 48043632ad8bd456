//! The client of the RON app plane as a component: `wasi:http` in, `ron:app` out.
//!
//! A call is one async function (`call`, `attempts`, `exchange`) that can be blocked on or polled
//! (`runtime`); what it decides comes from `ron_core`. `resources`, `admin` and `driver` are the exported interfaces.

mod admin;
mod attempts;
mod call;
mod content;
mod convert;
mod driver;
mod exchange;
mod limiter;
mod log;
mod resources;
mod runtime;
mod session;
mod tell;
mod wit;

/// The component.
struct Client;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
