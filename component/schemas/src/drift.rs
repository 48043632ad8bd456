//! Files, and what tells them from what they should be.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::catalog::Named;

const SUFFIX: &str = ".schema.json";
/// The most characters of a value that are shown.
const SHOWN: usize = 100;

/// Writes the files, and removes those of other names that are schemas.
pub fn write(folder: &Path, schemas: &[Named]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for name in superfluous(folder, schemas)? {
        let path = folder.join(name);
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    for named in schemas {
        let path = folder.join(file_name(named));
        fs::write(&path, text(&named.schema))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What differs, a line each: the file and the field, what is there (`-`) and what should be (`+`).
pub fn differences(folder: &Path, schemas: &[Named]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for named in schemas {
        let file = file_name(named);
        let path = folder.join(&file);
        let given = match fs::read_to_string(&path) {
            Ok(given) => given,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                found.push(format!("{}: is missing", path.display()));
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        if given == text(&named.schema) {
            continue;
        }
        let before = found.len();
        match serde_json::from_str::<Value>(&given) {
            Ok(given) => compare(
                &mut |place, what| {
                    found.push(format!("{}{place}: {what}", path.display()));
                },
                "#",
                Some(&given),
                Some(&named.schema),
            ),
            Err(error) => found.push(format!("{}: is no JSON: {error}", path.display())),
        }
        if found.len() == before {
            found.push(format!(
                "{}: says the same in another order or layout",
                path.display()
            ));
        }
    }
    for name in superfluous(folder, schemas)? {
        found.push(format!("{}: is superfluous", folder.join(name).display()));
    }
    Ok(found)
}

fn file_name(named: &Named) -> String {
    [named.name, SUFFIX].concat()
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Files of the folder that are not among the schemas.
fn superfluous(folder: &Path, schemas: &[Named]) -> Result<BTreeSet<String>> {
    let wanted: BTreeSet<String> = schemas.iter().map(file_name).collect();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", folder.display())),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
        names.insert(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names
        .into_iter()
        .filter(|name| name.ends_with(SUFFIX) && !wanted.contains(name))
        .collect())
}

/// Tells of each place where two values differ, by its JSON pointer (RFC 6901).
fn compare(
    tell: &mut dyn FnMut(&str, String),
    place: &str,
    given: Option<&Value>,
    wanted: Option<&Value>,
) {
    match (given, wanted) {
        (given, wanted) if given == wanted => {}
        (Some(Value::Object(given)), Some(Value::Object(wanted))) => {
            let added = wanted.keys().filter(|name| !given.contains_key(*name));
            for name in given.keys().chain(added) {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                compare(tell, &place, given.get(name), wanted.get(name));
            }
        }
        (Some(Value::Array(given)), Some(Value::Array(wanted))) => {
            for at in 0..given.len().max(wanted.len()) {
                compare(
                    tell,
                    &format!("{place}/{at}"),
                    given.get(at),
                    wanted.get(at),
                );
            }
        }
        (given, wanted) => {
            let lines = [("-", given), ("+", wanted)];
            let shown = lines
                .iter()
                .filter_map(|(sign, value)| Some((sign, (*value)?)));
            let shown: Vec<String> = shown
                .map(|(sign, value)| format!("{sign} {}", short(&value.to_string())))
                .collect();
            tell(place, shown.join("  "));
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
