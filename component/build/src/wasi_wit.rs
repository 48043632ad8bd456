//! Copies the WASI WIT from the crate `wasip2` into `wit/deps`, so that nothing of it is committed.
//!
//! Worlds are cut, because those of `wasi:http` name packages that nothing here needs; so is the
//! interface `timezone`, because it is unstable.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The files wanted, named after their packages.
const FILES: [&str; 4] = ["io.wit", "clocks.wit", "random.wit", "http.wit"];

/// Copies them.
pub fn copy(root: &Path) -> Result<()> {
    let source = crate_folder(root)?.join("wit/deps");
    let target = root.join("wit/deps");
    fs::create_dir_all(&target)?;
    for name in FILES {
        let text = fs::read_to_string(source.join(name))
            .with_context(|| format!("reading {name} of the crate wasip2"))?;
        crate::manifest::write_if_changed(&target.join(name), cut(&text)?.as_bytes())?;
    }
    Ok(())
}

fn crate_folder(root: &Path) -> Result<std::path::PathBuf> {
    let output = Command::new(crate::toolchain::cargo())
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "wasip2")
        .and_then(|package| package["manifest_path"].as_str())
        .context("the crate wasip2 is not in the lock file")?;
    Ok(Path::new(manifest)
        .parent()
        .context("no folder")?
        .to_owned())
}

/// Leaves out top-level worlds and the interface `timezone`, with the comments and attributes in
/// front of them.
fn cut(text: &str) -> Result<String> {
    let mut kept = String::new();
    // Comments and attributes that belong to the item that comes next.
    let mut pending = String::new();
    let mut cutting = false;
    for line in text.lines() {
        if cutting {
            cutting = line != "}";
            continue;
        }
        if line.starts_with("///") || line.starts_with('@') {
            pending.push_str(line);
            pending.push('\n');
            continue;
        }
        if line.starts_with("world ") || line.starts_with("interface timezone ") {
            cutting = true;
            pending.clear();
            continue;
        }
        kept.push_str(&std::mem::take(&mut pending));
        kept.push_str(line);
        kept.push('\n');
    }
    if cutting {
        bail!("a world does not end with a brace at the beginning of a line");
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_and_timezone_are_cut_with_what_belongs_to_them() {
        let text = "package p;\n\n/// a\n@since(version = 1)\ninterface a {\n  f: func();\n}\n/// t\ninterface timezone {\n  }\n}\n@since(version = 1)\nworld w {\n  import a;\n}\n";
        let kept = cut(text).unwrap();
        assert_eq!(
            kept,
            "package p;\n\n/// a\n@since(version = 1)\ninterface a {\n  f: func();\n}\n"
        );
        assert!(cut("world w {\n").is_err());
    }
}
