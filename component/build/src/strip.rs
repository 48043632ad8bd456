//! Takes out of a component what it runs without: custom sections, at any depth. Above all they name
//! its parts for debuggers, which took a twentieth of the size.

use std::mem;
use std::ops::Range;

use anyhow::Result;
use wasm_encoder::{RawSection, Section};
use wasmparser::{Parser, Payload};

/// `component` without custom sections; all else stays byte for byte.
pub fn stripped(component: &[u8]) -> Result<Vec<u8>> {
    let bytes = |range: Range<u64>| Ok::<_, anyhow::Error>(&component[index(range)?]);
    let mut enclosing = Vec::new();
    let mut out = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match (&payload, payload.as_section()) {
            (Payload::Version { range, .. }, _) => out.extend_from_slice(bytes(range.clone())?),
            (Payload::CustomSection(_), _) => {}
            (Payload::ModuleSection { .. } | Payload::ComponentSection { .. }, Some((id, _))) => {
                enclosing.push((id, mem::take(&mut out)));
            }
            (Payload::End(_), _) => {
                if let Some((id, outer)) = enclosing.pop() {
                    let nested = mem::replace(&mut out, outer);
                    let data = nested.as_slice();
                    RawSection { id, data }.append_to(&mut out);
                }
            }
            (_, Some((id, range))) => {
                let data = bytes(range)?;
                RawSection { id, data }.append_to(&mut out);
            }
            // Entries of the code section, which is copied as a whole.
            (_, None) => {}
        }
    }
    Ok(out)
}

fn index(range: Range<u64>) -> Result<Range<usize>> {
    Ok(range.start.try_into()?..range.end.try_into()?)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Component, CustomSection, Function, FunctionSection, Module, ModuleSection,
        NestedComponentSection, TypeSection,
    };

    use super::*;

    /// A component in a component, with a module that has code.
    fn component(custom: Option<&[u8]>) -> Vec<u8> {
        let custom = custom.map(|data| CustomSection {
            name: "a-custom-section".into(),
            data: data.into(),
        });
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([], []);
        functions.function(0);
        let mut function = Function::new([]);
        function.instructions().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        custom.iter().for_each(|custom| {
            module.section(custom);
        });
        let mut inner = Component::new();
        custom.iter().for_each(|custom| {
            inner.section(custom);
        });
        inner.section(&ModuleSection(&module));
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner));
        custom.iter().for_each(|custom| {
            outer.section(custom);
        });
        outer.finish()
    }

    #[test]
    fn nothing_but_custom_sections_is_taken_out() {
        let plain = component(None);
        let with_custom_sections = component(Some(&[7; 300]));
        assert!(with_custom_sections.len() > plain.len() + 900);
        assert_eq!(stripped(&with_custom_sections).unwrap(), plain);
        assert_eq!(stripped(&plain).unwrap(), plain);
    }

    #[test]
    fn what_is_no_component_is_an_error() {
        stripped(b"RIFF0000").unwrap_err();
    }
}
