//! Which schemas there are.

use ron_core::config::Settings;
use ron_core::event_stream::Event;
use ron_core::page::Page;
use ron_core::problem::Problem;
use ron_tools::facet_manifest::model::Manifest;
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::Value;

use crate::bridge_messages::Message;
use crate::describe;

/// The schema of a file.
pub struct Named {
    /// The name without `.schema.json`.
    pub name: &'static str,
    /// The content.
    pub schema: Value,
}

/// All of them, by name.
pub fn schemas() -> Vec<Named> {
    vec![
        named::<Message>("bridge-messages", "BridgeMessage", Contract::Serialize),
        named::<Settings>(
            "client-configuration",
            "ClientConfig",
            Contract::Deserialize,
        ),
        named::<Event>("event", "Event", Contract::Serialize),
        named::<Manifest>("facet-manifest", "FacetManifest", Contract::Deserialize),
        named::<Page>("page", "Page", Contract::Deserialize),
        named::<Problem>("problem", "Problem", Contract::Serialize),
    ]
}

/// `contract` tells whether its instances are read or written by the component: what is written has
/// every member, what is read may lack those that are optional.
fn named<T: JsonSchema>(name: &'static str, title: &str, contract: Contract) -> Named {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format!("urn:ron:schema:{name}").into());
    schema.insert("title".to_owned(), title.into());
    describe::arrange(&mut schema);
    Named {
        name,
        schema: schema.to_value(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// The Python tests hold the same vectors to the schema.
    #[test]
    fn what_the_problem_schema_describes_is_what_the_vectors_say() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/vectors/problems.json"
        );
        let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(vectors["now"].as_u64().unwrap());
        let cases = ["captured", "made"].map(|group| vectors[group].as_array().unwrap());
        let mut mapped = 0;
        for case in cases.into_iter().flatten() {
            let Some(body) = case["body"].as_str() else {
                continue;
            };
            let headers: Vec<(String, Vec<u8>)> =
                serde_json::from_value::<Vec<(String, String)>>(case["headers"].clone())
                    .unwrap()
                    .into_iter()
                    .map(|(name, value)| (name, value.into_bytes()))
                    .collect();
            let status: u16 = serde_json::from_value(case["status"].clone()).unwrap();
            let problem = Problem::from_response(status, &headers, body.as_bytes(), now);
            let mut expected = case["expected"].as_object().unwrap().clone();
            expected.remove("class");
            expected.insert("status".to_owned(), status.into());
            assert_eq!(
                serde_json::to_value(&problem).unwrap(),
                Value::Object(expected),
                "{case}"
            );
            mapped += 1;
        }
        assert!(mapped > 300, "{mapped}");
    }

    #[test]
    fn every_schema_has_a_name_that_stays_and_the_dialect() {
        for Named { name, schema } in schemas() {
            assert_eq!(schema["$id"], format!("urn:ron:schema:{name}"));
            assert_eq!(
                schema["$schema"],
                "https://json-schema.org/draft/2020-12/schema"
            );
        }
    }

    #[test]
    fn the_same_types_give_the_same_text() {
        let texts = || schemas().into_iter().map(|named| named.schema.to_string());
        assert!(texts().eq(texts()));
    }
}
