//! From core modules to components, and from components to one.

use anyhow::{Context, Result};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wit_component::{ComponentEncoder, DecodedWasm, WitPrinter};

use crate::strip::stripped;

/// Makes a component of a core module that carries its world.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .encode()?;
    stripped(&component)
}

/// Links three components: `client` stands on `wire`, `user` on both, and `export` is what the user
/// exports. What `wire` imports is imported by the result.
pub fn linked(wire: &[u8], client: &[u8], user: &[u8], export: &str) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let wire = instantiate(&mut graph, "ron:wire", wire, &[])?;
    let client = instantiate(&mut graph, "ron:client", client, &[wire])?;
    let user = instantiate(&mut graph, "ron:user", user, &[wire, client])?;
    let exported = graph.alias_instance_export(user, export)?;
    graph.export(exported, export)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Adds a component whose imports come from the instances that export them.
fn instantiate(
    graph: &mut CompositionGraph,
    name: &str,
    bytes: &[u8],
    providers: &[NodeId],
) -> Result<NodeId> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())?;
    let imports: Vec<String> = graph.types()[package.ty()]
        .imports
        .keys()
        .cloned()
        .collect();
    let package = graph.register_package(package)?;
    let instance = graph.instantiate(package);
    for import in imports {
        for provider in providers {
            if let Ok(export) = graph.alias_instance_export(*provider, &import) {
                graph
                    .set_instantiation_argument(instance, &import, export)
                    .with_context(|| format!("{name} wants {import}"))?;
                break;
            }
        }
    }
    Ok(instance)
}

/// Where a component stands, byte for byte, in one that was composed of it.
pub fn offset(part: &[u8], composed: &[u8]) -> Result<usize> {
    composed
        .windows(part.len())
        .position(|bytes| bytes == part)
        .context("the composed component does not hold it byte for byte: composing changed it")
}

/// The WIT of a component as text.
pub fn wit(component: &[u8]) -> Result<String> {
    let decoded = wit_component::decode(component)?;
    let DecodedWasm::Component(resolve, world) = &decoded else {
        anyhow::bail!("this is a WIT package, not a component");
    };
    let mut printer = WitPrinter::default();
    let main = resolve.worlds[*world]
        .package
        .context("the world has no package")?;
    let nested: Vec<_> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != main)
        .collect();
    printer.print(resolve, main, &nested)?;
    Ok(printer.output.to_string())
}

/// The items of a WIT text, each with the blocks that it stands in, sorted: equal for texts that
/// differ in order only.
pub fn items(wit: &str) -> Vec<String> {
    let mut blocks: Vec<&str> = Vec::new();
    let mut items = Vec::new();
    for line in wit.lines().map(str::trim) {
        if let Some(block) = line.strip_suffix('{') {
            blocks.push(block.trim());
        } else if line == "}" {
            blocks.pop();
        } else if let Some((from, names)) = line.strip_suffix("};").and_then(|l| l.split_once(".{"))
        {
            for name in names.split(", ") {
                items.push(format!("{} / {from}.{{{name}}}", blocks.join(" / ")));
            }
        } else if !line.is_empty() {
            items.push(format!("{} / {line}", blocks.join(" / ")));
        }
    }
    items.sort();
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_only_as_it_is() {
        assert_eq!(offset(b"part", b"a part of it").unwrap(), 2);
        offset(b"Part", b"a part of it").unwrap_err();
        offset(b"part", b"par").unwrap_err();
    }

    #[test]
    fn items_do_not_depend_on_order() {
        let one = "world w {\n  import a;\n  import b;\n}\ninterface i {\n  use p.{x, y};\n}\n";
        let two = "interface i {\n  use p.{y};\n  use p.{x};\n}\nworld w {\n  import b;\n  import a;\n}\n";
        assert_eq!(items(one), items(two));
        assert_eq!(items(one)[0], "interface i / use p.{x}");
        assert_ne!(items(one), items("world w {\n  import a;\n}\n"));
    }
}
