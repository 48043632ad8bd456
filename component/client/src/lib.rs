//! The client of the RON app plane as a component: `wasi:http` in, `ron:app` out.
//!
//! A call is one async function (`call`, `attempts`), and so is a subscription to a stream
//! (`subscription`); both consist of exchanges (`exchange`, `answer`, `failure`). They can be blocked on
//! or polled (`runtime`); what they decide comes from `ron_core`. `resources`, `streams`, `node`,
//! `admin` and `driver` are the exported interfaces.

mod admin;
mod answer;
mod attempts;
mod batch;
mod call;
mod content;
mod convert;
mod credentials;
mod driver;
mod exchange;
mod failure;
mod interrupt;
mod limiter;
mod log;
mod node;
mod outlet;
mod resources;
mod runtime;
mod session;
mod streams;
mod subscription;
mod tell;
mod wit;

/// The component.
struct Client;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: ron_memory::ComponentAllocator = ron_memory::component_allocator();
