//! Compiles the guests to core modules.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::optimize;
use crate::toolchain::{TARGET, Toolchain};

/// What is compiled at once, so that cargo gives their dependencies the same features.
pub const GUESTS: [&str; 4] = ["ron-client", "ron-wire", "ron-bridge", "ron-probe"];

/// What is compiled by itself.
pub const TOOLS: &str = "ron-tools";

/// The core modules.
pub struct Guests {
    /// `ron-client`.
    pub client: Vec<u8>,
    /// `ron-wire`.
    pub wire: Vec<u8>,
    /// `ron-bridge`.
    pub bridge: Vec<u8>,
    /// `ron-probe`, for tests.
    pub probe: Vec<u8>,
    /// `ron-tools`.
    pub tools: Vec<u8>,
}

/// Compiles them. The same source and the same toolchain give the same bytes in any folder.
pub fn build(root: &Path, toolchain: &Toolchain) -> Result<Guests> {
    let mut arguments = vec!["build", "--profile=guest"];
    arguments.extend(GUESTS.iter().flat_map(|package| ["-p", package]));
    compile(root, toolchain, &arguments)?;
    // A library for Rust programs too. Were both kinds built at once, cargo would not optimize over
    // the borders of crates.
    let tools = ["-p", TOOLS, "--crate-type=cdylib"];
    let arguments = [&["rustc", "--profile=tool"], tools.as_slice()].concat();
    compile(root, toolchain, &arguments)?;
    let module = |profile: &str, name: &str| {
        optimize::optimized(&target(root).join(TARGET).join(profile).join(name))
    };
    Ok(Guests {
        client: module("guest", "ron_client.wasm")?,
        wire: module("guest", "ron_wire.wasm")?,
        bridge: module("guest", "ron_bridge.wasm")?,
        probe: module("guest", "ron_probe.wasm")?,
        tools: module("tool", "ron_tools.wasm")?,
    })
}

fn target(root: &Path) -> PathBuf {
    root.join("target/guests")
}

fn compile(root: &Path, toolchain: &Toolchain, arguments: &[&str]) -> Result<()> {
    let mut cargo = Command::new(crate::toolchain::cargo());
    cargo
        .current_dir(root)
        .args(arguments)
        .args(["--locked", "--quiet", "--target", TARGET])
        .arg("--target-dir")
        .arg(target(root))
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", remapped(root, toolchain)?);
    toolchain.apply(&mut cargo);
    let status = cargo.status().context("running cargo")?;
    if !status.success() {
        bail!("the guests do not compile ({status})");
    }
    Ok(())
}

/// Flags that keep this machine's folders out of panic messages.
fn remapped(root: &Path, toolchain: &Toolchain) -> Result<String> {
    let home = env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    );
    let flags = [
        format!("--remap-path-prefix={}=/cargo", home.display()),
        format!("--remap-path-prefix={}=/sysroot", toolchain.sysroot()?),
        format!("--remap-path-prefix={}=/ron", root.display()),
    ];
    let flags = flags
        .iter()
        .map(String::as_str)
        .chain(toolchain.flags().iter().copied());
    Ok(flags.collect::<Vec<_>>().join("\u{1f}"))
}
