//! What the artifacts are, for whoever loads them: `artifacts.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::toolchain::Toolchain;

/// An artifact, which may be a part of a file.
pub struct Artifact<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The file, in the folder of the manifest.
    pub file: &'a str,
    /// Where it begins in the file.
    pub offset: usize,
    /// The artifact itself.
    pub bytes: &'a [u8],
}

/// Writes the manifest and prints it for people.
pub fn write(
    out: &Path,
    artifacts: &[Artifact<'_>],
    toolchain: &Toolchain,
    optimizer: &str,
) -> Result<()> {
    let mut entries = serde_json::Map::new();
    for Artifact {
        name,
        file,
        offset,
        bytes,
    } in artifacts
    {
        let digest = digest(bytes);
        println!("{name}: {} bytes, sha256 {digest}", bytes.len());
        entries.insert(
            (*name).to_owned(),
            json!({ "file": file, "offset": offset, "bytes": bytes.len(), "sha256": digest }),
        );
    }
    let manifest = json!({
        "toolchain": toolchain.version(),
        "std": toolchain.std(),
        "optimizer": optimizer,
        "artifacts": entries,
    });
    let text = format!("{manifest:#}\n");
    write_if_changed(&out.join("artifacts.json"), text.as_bytes())
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces a file at one stroke, and leaves it alone if it says the same already.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::rename(&new, path).with_context(|| format!("replacing {}", path.display()))
}
