//! Makes core modules smaller: what `wasm-opt` (Binaryen) sees across functions, LLVM doesn't.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

const WASM_OPT: &str = "wasm-opt";

/// What the compiler emits by default for the target. Older versions of `wasm-opt` don't read the
/// list of it in the module.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// What `wasm-opt --version` says: another version may give other bytes.
pub fn version() -> Result<String> {
    let output = Command::new(WASM_OPT)
        .arg("--version")
        .output()
        .context("wasm-opt is not here: it comes with Debian's package binaryen (make toolchain installs it)")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.trim().to_owned())
}

/// The module, optimized, without the names of its functions. Custom sections of components stay.
pub fn optimized(module: &Path) -> Result<Vec<u8>> {
    let out = module.with_extension("opt.wasm");
    let status = Command::new(WASM_OPT)
        .args(["-O3", "--strip-debug"])
        .args(FEATURES)
        .arg(module)
        .arg("-o")
        .arg(&out)
        .status()
        .context("running wasm-opt")?;
    if !status.success() {
        bail!("wasm-opt refuses {} ({status})", module.display());
    }
    fs::read(&out).with_context(|| format!("reading {}", out.display()))
}
