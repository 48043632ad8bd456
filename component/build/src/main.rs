//! Builds the components and puts them into the Python package.
//!
//! `ron-build` does everything; `ron-build wit FILE` prints the WIT of a component, and `ron-build
//! compare FILE FILE` tells whether two have the same. Run it from the root of the workspace: `make build` does.

mod compose;
mod crates;
mod guests;
mod manifest;
mod optimize;
mod strip;
mod toolchain;
mod wasi_wit;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use manifest::Artifact;

/// Where the Python package looks for its artifacts.
const ARTIFACTS: &str = "host-python/src/ron_app_sdk_py/artifacts";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => build(&workspace()?),
        ["wit", file] => {
            print!("{}", wit(file)?);
            Ok(())
        }
        ["compare", one, other] => compare(&wit(one)?, &wit(other)?),
        _ => bail!("usage: ron-build [wit FILE | compare FILE FILE]"),
    }
}

fn wit(file: &str) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {file}"))?;
    compose::wit(&bytes)
}

fn compare(one: &str, other: &str) -> Result<()> {
    let (one, other) = (compose::items(one), compose::items(other));
    for item in one.iter().filter(|item| !other.contains(item)) {
        println!("- {item}");
    }
    for item in other.iter().filter(|item| !one.contains(item)) {
        println!("+ {item}");
    }
    if one != other {
        bail!("the WIT differs");
    }
    println!("the WIT of both is the same: {} items", one.len());
    Ok(())
}

fn workspace() -> Result<PathBuf> {
    let root = env::current_dir()?;
    if !root.join("wit/ron-app").is_dir() {
        bail!("run ron-build in the root of the workspace, or use make build");
    }
    Ok(root)
}

fn build(root: &Path) -> Result<()> {
    wasi_wit::copy(root)?;
    let toolchain = toolchain::Toolchain::find()?;
    let optimizer = optimize::version()?;
    println!("toolchain: {toolchain}, {optimizer}");
    let guests = guests::build(root, &toolchain)?;
    crates::write(root, &toolchain).context("listing the crates")?;
    let client = compose::component(&guests.client).context("componentizing ron-client")?;
    let wire = compose::component(&guests.wire).context("componentizing ron-wire")?;
    let bridge = compose::component(&guests.bridge).context("componentizing ron-bridge")?;
    let tools = compose::component(&guests.tools).context("componentizing ron-tools")?;
    let probe = compose::component(&guests.probe).context("componentizing ron-probe")?;
    let host = compose::linked(&wire, &client, &bridge, "ron:bridge/bridge@0.1.0")
        .context("composing ron_host.wasm")?;
    let probe = compose::linked(&wire, &client, &probe, "ron:probe/probe@0.1.0")
        .context("composing probe.wasm")?;
    manifest::write_if_changed(&root.join("target/probe.wasm"), &probe)?;
    manifest::write_if_changed(&root.join("target/ron_client.wasm"), &client)?;

    let client = Artifact {
        name: "ron_client.wasm",
        file: "ron_host.wasm",
        offset: compose::offset(&client, &host)
            .context("the package cuts ron_client.wasm out of ron_host.wasm")?,
        bytes: &client,
    };
    let host = Artifact {
        name: "ron_host.wasm",
        file: "ron_host.wasm",
        offset: 0,
        bytes: &host,
    };
    let tools = Artifact {
        name: "ron_tools.wasm",
        file: "ron_tools.wasm",
        offset: 0,
        bytes: &tools,
    };
    let out = root.join(ARTIFACTS);
    fs::create_dir_all(&out)?;
    for whole in [&host, &tools] {
        manifest::write_if_changed(&out.join(whole.file), whole.bytes)?;
    }
    manifest::write(&out, &[client, host, tools], &toolchain, &optimizer)
}
