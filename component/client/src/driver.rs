//! `ron:app/driver`: for a host that owns the event loop.

use crate::wit::exports::ron::app::driver::Guest;
use crate::{Client, runtime};

impl Guest for Client {
    fn woken() -> Vec<u64> {
        runtime::woken()
    }

    fn wake_at() -> Option<u64> {
        runtime::wake_at()
    }
}
