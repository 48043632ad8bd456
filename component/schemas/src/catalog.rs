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
    use super::*;

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
