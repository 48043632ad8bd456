//! Header sections: the model is a list of pairs whose names are compared in lower case.

use proptest::prelude::*;

use crate::fields::{Field, Fields};
use crate::wit::exports::wasi::http::types::HeaderError;

#[derive(Debug, Clone)]
enum Operation {
    Append(String, Vec<u8>),
    Set(String, Vec<Vec<u8>>),
    Delete(String),
    /// Goes on with a copy; what happens to it must not show in the original.
    Copy,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[aAbB]{1,2}",
        1 => Just("Host".to_owned()),
        1 => prop_oneof![Just(""), Just("a b"), Just("é"), Just("a:"), Just("a\r")]
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(prop_oneof![Just(b'\t'), 32..127u8, 128..=255u8], 0..4),
        1 => prop::collection::vec(0..=255u8, 0..3),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (name(), value()).prop_map(|(name, value)| Operation::Append(name, value)),
        2 => (name(), prop::collection::vec(value(), 0..3))
            .prop_map(|(name, values)| Operation::Set(name, values)),
        1 => name().prop_map(Operation::Delete),
        1 => Just(Operation::Copy),
    ]
}

fn name_fault(name: &str) -> Option<HeaderError> {
    let token = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() || !name.chars().all(token) {
        Some(HeaderError::InvalidSyntax)
    } else if name.eq_ignore_ascii_case("host") {
        Some(HeaderError::Forbidden)
    } else {
        None
    }
}

fn value_fault(value: &[u8]) -> Option<HeaderError> {
    let control = |b: &u8| b.is_ascii_control() && *b != b'\t';
    value
        .iter()
        .any(control)
        .then_some(HeaderError::InvalidSyntax)
}

fn without(model: &[Field], name: &str) -> Vec<Field> {
    let other = |(given, _): &&Field| given.to_lowercase() != name.to_lowercase();
    model.iter().filter(other).cloned().collect()
}

/// What the operation does to the model, or why it fails.
fn expected(model: &[Field], operation: &Operation) -> Result<Vec<Field>, HeaderError> {
    match operation {
        Operation::Append(name, value) => match name_fault(name).or(value_fault(value)) {
            Some(fault) => Err(fault),
            None => Ok([model, &[(name.clone(), value.clone())]].concat()),
        },
        Operation::Set(name, values) => {
            let fault = values.iter().find_map(|value| value_fault(value));
            match name_fault(name).or(fault) {
                Some(fault) => Err(fault),
                None => {
                    let new = values.iter().map(|value| (name.clone(), value.clone()));
                    Ok(without(model, name).into_iter().chain(new).collect())
                }
            }
        }
        Operation::Delete(name) => match name_fault(name) {
            Some(HeaderError::InvalidSyntax) => Err(HeaderError::InvalidSyntax),
            _ => Ok(without(model, name)),
        },
        Operation::Copy => Ok(model.to_vec()),
    }
}

fn apply(fields: &Fields, operation: Operation) -> Result<(), HeaderError> {
    match operation {
        Operation::Append(name, value) => fields.append(name, value),
        Operation::Set(name, values) => fields.set(&name, values),
        Operation::Delete(name) => fields.delete(&name),
        Operation::Copy => Ok(()),
    }
}

proptest! {
    #[test]
    fn a_section_is_a_list_of_pairs(operations in prop::collection::vec(operation(), 0..12)) {
        let mut model: Vec<Field> = Vec::new();
        let mut fields = Fields::default();
        let mut originals = Vec::new();
        for operation in operations {
            if matches!(operation, Operation::Copy) {
                let copy = fields.copy();
                originals.push((std::mem::replace(&mut fields, copy), model.clone()));
            }
            let result = expected(&model, &operation);
            prop_assert_eq!(apply(&fields, operation), result.as_ref().map(drop).map_err(Clone::clone));
            model = result.unwrap_or(model);
            prop_assert_eq!(&fields.entries(), &model);
            for name in ["a", "A", "aB", "b", "host", ""] {
                let values: Vec<_> = model
                    .iter()
                    .filter(|(given, _)| given.to_lowercase() == name.to_lowercase())
                    .map(|(_, value)| value.clone())
                    .collect();
                prop_assert_eq!(fields.has(name), !values.is_empty());
                prop_assert_eq!(fields.get(name), values);
            }
        }
        for (original, model) in originals {
            prop_assert_eq!(original.entries(), model);
        }
    }

    #[test]
    fn a_list_is_taken_whole_or_refused_for_its_first_fault(
        entries in prop::collection::vec((name(), value()), 0..5)
    ) {
        let fault = entries
            .iter()
            .find_map(|(name, value)| name_fault(name).or(value_fault(value)));
        match (Fields::from_list(entries.clone()), fault) {
            (Ok(fields), None) => prop_assert_eq!(fields.into_entries(), entries),
            (Err(error), Some(fault)) => prop_assert_eq!(error, fault),
            (result, fault) => prop_assert!(false, "{:?} {:?}", result, fault),
        }
    }

    #[test]
    fn the_section_of_a_request_or_an_answer_never_changes_but_its_copy_does(
        operation in operation()
    ) {
        let entries = vec![("a".to_owned(), b"1".to_vec())];
        for fields in [Fields::sent(entries.clone()), Fields::received(entries.clone())] {
            let copy = fields.copy();
            let is_change = !matches!(operation, Operation::Copy);
            let refused = is_change.then_some(HeaderError::Immutable);
            prop_assert_eq!(apply(&fields, operation.clone()).err(), refused);
            prop_assert_eq!(&fields.entries(), &entries);
            let changed = expected(&entries, &operation);
            prop_assert_eq!(apply(&copy, operation.clone()).err(), changed.as_ref().err().cloned());
            prop_assert_eq!(copy.into_entries(), changed.unwrap_or(entries.clone()));
        }
    }
}
