//! The WASI interfaces over the logic: one module for each package, and nothing that decides.

mod clocks;
mod http;
mod io;
mod random;

use crate::instance::Instance;
use crate::wit::ron::wire::host;

thread_local! {
    static INSTANCE: &'static Instance = Instance::new(host::wait);
}

/// The state of the component. It is single-threaded, so there is one.
pub fn instance() -> &'static Instance {
    INSTANCE.with(|instance| *instance)
}
