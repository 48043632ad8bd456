//! Which crates are linked into each artifact: `target/crates.json`, of which the bill of materials is
//! made. Macros and build scripts leave code, not crates, and are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::guests::{GUESTS, TOOLS};
use crate::toolchain::{TARGET, Toolchain, cargo};

/// What the standard library is called in the list, for all the crates in its workspace.
const STD: &str = "std";

/// The licence of the standard library where its source is not here to tell.
const STD_LICENSE: &str = "MIT OR Apache-2.0";

/// A crate by name and version.
type Id = (String, String);

/// Writes the list.
pub fn write(root: &Path, toolchain: &Toolchain) -> Result<()> {
    let workspace = Workspace {
        folder: root,
        toolchain,
    };
    let guests = workspace.trees(&GUESTS)?;
    let tools = workspace.trees(&[TOOLS])?;
    let (std, of_std) = standard_library(toolchain)?;
    let linked = |trees: &BTreeMap<String, BTreeSet<Id>>, roots: &[&str]| -> Result<BTreeSet<Id>> {
        let mut all: BTreeSet<Id> = of_std.keys().cloned().collect();
        for root in roots {
            let tree = trees.get(*root);
            all.extend(
                tree.with_context(|| format!("cargo tree leaves out {root}"))?
                    .clone(),
            );
        }
        Ok(all)
    };
    let artifacts = [
        ("ron_client.wasm", linked(&guests, &["ron-client"])?),
        (
            "ron_host.wasm",
            linked(&guests, &["ron-bridge", "ron-client", "ron-wire"])?,
        ),
        ("ron_tools.wasm", linked(&tools, &[TOOLS])?),
    ];
    let wanted: BTreeSet<&Id> = artifacts.iter().flat_map(|(_, ids)| ids).collect();
    let mut crates = workspace.packages()?;
    crates.extend(of_std);
    crates.retain(|id, _| wanted.contains(id));
    let linked: BTreeMap<_, _> = artifacts.iter().cloned().collect();
    let list =
        json!({ "std": std, "linked": linked, "crates": crates.values().collect::<Vec<_>>() });
    crate::manifest::write_if_changed(
        &root.join("target/crates.json"),
        format!("{list:#}\n").as_bytes(),
    )
}

/// A folder with a `Cargo.toml` and a `Cargo.lock`.
struct Workspace<'a> {
    folder: &'a Path,
    toolchain: &'a Toolchain,
}

impl Workspace<'_> {
    /// What each of these packages links when all are built together, by the names of the packages.
    fn trees(&self, packages: &[&str]) -> Result<BTreeMap<String, BTreeSet<Id>>> {
        let mut arguments = vec!["tree", "--no-dedupe", "--prefix=none", "--format={p}"];
        arguments.extend(["--edges=normal,no-proc-macro", "--target", TARGET]);
        arguments.extend(packages.iter().flat_map(|package| ["-p", package]));
        let text = String::from_utf8(self.cargo(&arguments)?)?;
        let mut trees = BTreeMap::new();
        for tree in text.split("\n\n") {
            let ids: Vec<Id> = tree.lines().filter_map(id).collect();
            if let Some((root, _)) = ids.first() {
                trees.insert(root.clone(), ids.into_iter().collect());
            }
        }
        Ok(trees)
    }

    /// What cargo knows of each package that it may need.
    fn packages(&self) -> Result<BTreeMap<Id, Value>> {
        let arguments = [
            "metadata",
            "--format-version=1",
            "--filter-platform",
            TARGET,
        ];
        let metadata: Value = serde_json::from_slice(&self.cargo(&arguments)?)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let mut by_id = BTreeMap::new();
        for package in packages {
            let text = |member: &str| package[member].as_str().unwrap_or_default().to_owned();
            let manifest = text("manifest_path");
            let folder = Path::new(&manifest).parent().context("no folder")?;
            let entry = json!({
                "name": package["name"],
                "version": package["version"],
                "license": package["license"],
                "is-published": !package["source"].is_null(),
                "folder": folder,
                "lock": self.folder.join("Cargo.lock"),
            });
            by_id.insert((text("name"), text("version")), entry);
        }
        Ok(by_id)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(cargo());
        command.args(arguments).arg("--locked");
        command.current_dir(self.folder);
        self.toolchain.apply_compiler(&mut command);
        let output = command.output().context("running cargo")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("cargo {} failed: {said}", arguments.join(" "));
        }
        Ok(output.stdout)
    }
}

/// The version of the standard library, and what it brings: itself, with all the crates of its
/// workspace, and those that it takes from elsewhere.
fn standard_library(toolchain: &Toolchain) -> Result<(Id, BTreeMap<Id, Value>)> {
    let std: Id = (STD.to_owned(), toolchain.release()?.to_owned());
    let sysroot = toolchain.sysroot()?;
    let folder = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    let with_copyright = ["lib/rustlib/src/rust", "share/doc/rust"]
        .map(|name| Path::new(&sysroot).join(name))
        .into_iter()
        .find(|folder| folder.join("COPYRIGHT").is_file());
    let mut found = BTreeMap::new();
    let mut licenses = BTreeSet::from([STD_LICENSE.to_owned()]);
    if folder.join("Cargo.lock").is_file() {
        let workspace = Workspace {
            folder: &folder,
            toolchain,
        };
        let packages = workspace.packages()?;
        let linked = workspace.trees(&["std", "panic_abort"])?;
        for id in linked.into_values().flatten() {
            let package = packages
                .get(&id)
                .with_context(|| format!("cargo metadata leaves out {} {}", id.0, id.1))?;
            if package["is-published"] == true {
                found.insert(id, package.clone());
            } else {
                let license = package["license"].as_str().unwrap_or(STD_LICENSE);
                licenses.insert(license.to_owned());
            }
        }
    }
    let license: Vec<_> = licenses.iter().map(|one| format!("({one})")).collect();
    let entry = json!({
        "name": std.0,
        "version": std.1,
        "license": license.join(" AND "),
        "is-published": false,
        "folder": with_copyright,
    });
    found.insert(std.clone(), entry);
    Ok((std, found))
}

/// Reads a line such as `itoa v1.0.19` or `ron-abi v0.1.0 (/a/folder)`.
fn id(line: &str) -> Option<Id> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next()?, words.next()?);
    Some((name.to_owned(), version.strip_prefix('v')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_tree_is_a_name_and_a_version() {
        let itoa = Some(("itoa".to_owned(), "1.0.19".to_owned()));
        assert_eq!(id("itoa v1.0.19"), itoa);
        assert_eq!(id("itoa v1.0.19 (/a/folder with spaces)"), itoa);
        assert_eq!(id(""), None);
        assert_eq!(id("[build-dependencies]"), None);
    }
}
