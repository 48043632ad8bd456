//! Pages: answers that hold some items and the token of the next page.

use std::fmt;

use serde_json::value::RawValue;

use crate::json;

/// One page, whichever of three forms the server sent (`protocol.md` 10, row 4). As JSON it has the
/// form of `protocol.md` 4.1, row 13; servers may say more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page {
    /// What the page holds: the server's `items` (`protocol.md` 4.1, row 13), or a chat's `messages`
    /// (`protocol.md` 7).
    // The texts of JSON values.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<serde_json::Value>"))]
    pub items: Vec<String>,
    /// The token of the next page, none on the last one: the server's `next_page_token`
    /// (`protocol.md` 4.1, row 13), else its `next_cursor` (`protocol.md` 8.2, row 13), or a chat's
    /// `cursor`, which is the id of the last message (`protocol.md` 7).
    pub next_page_token: Option<String>,
    /// The query parameter that asks for the next page with its token: no member of an answer.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub parameter: Parameter,
}

/// What a server wants the token of a page as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `page_token`, for a `next_page_token` (`protocol.md` 4.1, row 13).
    PageToken,
    /// `cursor`, for a `next_cursor` (`protocol.md` 10, row 4).
    Cursor,
    /// `after`, for the `cursor` of a chat (`protocol.md` 7).
    After,
}

impl Parameter {
    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::PageToken => "page_token",
            Self::Cursor => "cursor",
            Self::After => "after",
        }
    }
}

/// Why an answer is no page. Names members of the answer, never what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPage {
    /// It is not the text of a JSON object.
    NotAnObject,
    /// This member is not there, or no array.
    NoItems(&'static str),
    /// This member is a token, but neither a string nor null.
    TokenNotText(&'static str),
}

impl fmt::Display for NoPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => write!(f, "is not a JSON object"),
            Self::NoItems(name) => write!(f, "has no array {name}"),
            Self::TokenNotText(name) => write!(f, "has a {name} that is no string"),
        }
    }
}

impl std::error::Error for NoPage {}

impl Page {
    /// Reads the content of an answer. A token that is null or empty counts as absent. A page of a
    /// chat without messages is the last: it has no last message to go on after, whatever its
    /// `cursor` says.
    ///
    /// # Errors
    ///
    /// The content is no page.
    pub fn read(content: &[u8]) -> Result<Self, NoPage> {
        let answer = json::object(content).ok_or(NoPage::NotAnObject)?;
        let is_chat = !answer.contains_key("items") && answer.contains_key("messages");
        let (name, forms): (_, &[_]) = if is_chat {
            ("messages", &[("cursor", Parameter::After)])
        } else {
            (
                "items",
                &[
                    ("next_page_token", Parameter::PageToken),
                    ("next_cursor", Parameter::Cursor),
                ],
            )
        };
        let items = answer
            .get(name)
            .and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok())
            .ok_or(NoPage::NoItems(name))?;
        let mut page = Self {
            items: items.iter().map(|item| item.get().to_owned()).collect(),
            next_page_token: None,
            parameter: forms[0].1,
        };
        for &(name, parameter) in forms {
            let Some(text) = answer.get(name).filter(|text| *text != "null") else {
                continue;
            };
            let token = json::string(text).ok_or(NoPage::TokenNotText(name))?;
            if !token.is_empty() {
                page.parameter = parameter;
                page.next_page_token = Some(token).filter(|_| !is_chat || !page.items.is_empty());
                break;
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        pages: Vec<Case>,
        refused: Vec<Refused>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        content: String,
        items: Vec<Box<RawValue>>,
        next_page_token: Option<String>,
        parameter: String,
    }

    #[derive(Deserialize)]
    struct Refused {
        name: String,
        content: String,
        named: Vec<String>,
        #[serde(default)]
        no_object: bool,
    }

    #[test]
    fn pages_are_those_of_the_vectors() {
        let file: File = vectors::read("pagination.json");
        for case in &file.pages {
            let page = Page::read(case.content.as_bytes())
                .unwrap_or_else(|error| panic!("{} {error}", case.name));
            let expected: Vec<String> = case
                .items
                .iter()
                .map(|item| json::portable(item.get()))
                .collect();
            assert_eq!(page.items, expected, "{}", case.name);
            assert_eq!(page.next_page_token, case.next_page_token, "{}", case.name);
            assert_eq!(page.parameter.name(), case.parameter, "{}", case.name);
        }
    }

    #[test]
    fn what_is_no_page_is_named_without_what_it_holds() {
        let file: File = vectors::read("pagination.json");
        for case in &file.refused {
            let error = Page::read(case.content.as_bytes()).unwrap_err();
            let message = error.to_string();
            assert_eq!(
                error == NoPage::NotAnObject,
                case.no_object,
                "{}",
                case.name
            );
            let is_named = |word: &String| message.contains(word.as_str());
            assert!(
                case.no_object || case.named.iter().all(is_named),
                "{message}"
            );
            assert!(!message.contains("hunter22"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd_to_be_looked_at(
            content in ".{0,40}|\\{(\"(items|messages|cursor|next_cursor)\":(\\[[0-9,]{0,4}\\]|\"a\"|null|1),?){0,4}\\}"
        ) {
            if let Ok(page) = Page::read(content.as_bytes()) {
                prop_assert!(json::object(content.as_bytes()).is_some());
                prop_assert!(page.next_page_token.is_none_or(|token| !token.is_empty()));
            }
        }
    }
}
