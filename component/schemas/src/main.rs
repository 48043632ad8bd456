//! Writes the JSON Schemas of `schemas/`, or tells where they differ from the types.
//!
//! `ron-schemas` writes; `ron-schemas --check` changes nothing and fails if a file is not as it would
//! be written. A folder may follow. Run it from the root of the workspace: `make schemas` does.

mod bridge_messages;
mod catalog;
mod describe;
mod drift;
mod fields;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: ron-schemas [--check] [FOLDER]";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (is_check, folder) = match arguments.as_slice() {
        [] => (false, "schemas"),
        ["--check"] => (true, "schemas"),
        ["--check", folder] if !folder.starts_with('-') => (true, *folder),
        [folder] if !folder.starts_with('-') => (false, *folder),
        _ => bail!(USAGE),
    };
    let folder = Path::new(folder);
    let schemas = catalog::schemas();
    if !is_check {
        drift::write(folder, &schemas)?;
        return Ok(ExitCode::SUCCESS);
    }
    let differences = drift::differences(folder, &schemas)?;
    for difference in &differences {
        println!("{difference}");
    }
    if differences.is_empty() {
        println!("{} schemas are those of the types", schemas.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "{} and the types differ in {} places; run `make schemas` and commit what it writes",
        folder.display(),
        differences.len()
    );
    Ok(ExitCode::FAILURE)
}
