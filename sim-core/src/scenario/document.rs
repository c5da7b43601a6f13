//! A TOML document of another format of ours, read as scenarios are: checked
//! against a schema first, all problems at once, every value with its place.

use core::ops::Range;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::node::{self, Entry, Node, Source};
use super::problem::{Problem, ProblemKind};
use super::schema::{self, Format};

/// A step on the way to a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step<'a> {
    /// The value of a key.
    Of(&'a str),
    /// An element of a list.
    At(usize),
    /// The key itself instead of its value.
    Key(&'a str),
}

/// What was written, value by value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Document(Node);

/// A document of the format `T`, and what is wrong with it. What does not fit
/// the format is left out; nothing is left where the rest is no `T` any more.
pub(crate) struct Read<T> {
    pub(crate) content: Option<(Document, T)>,
    pub(crate) problems: Vec<Problem>,
}

impl Document {
    /// Reads bytes against `schema`, which is that of `T`; `name` is what
    /// sentences call the outermost table.
    pub(crate) fn read<T: DeserializeOwned + JsonSchema>(
        bytes: &[u8],
        name: &'static str,
        schema: &'static Json,
    ) -> Read<T> {
        let mut problems = Vec::new();
        let Some(mut root) = node::read(bytes, Source::File, &mut problems) else {
            return Read { content: None, problems };
        };
        schema::validate(&mut root, Format { schema, name }, &mut problems);
        let content = match serde_json::from_value(root.to_json()) {
            Ok(content) => Some((Self(root), content)),
            // Something required was wrong and is told already.
            Err(_dropped) if !problems.is_empty() => None,
            Err(error) => {
                let kind = ProblemKind::Structure { message: error.to_string() };
                problems.push(Problem::new(kind, root.place, String::new()));
                None
            }
        };
        Read { content, problems }
    }

    /// Where a value stands; `None` if it is not there.
    pub(crate) fn place(&self, path: &[Step<'_>]) -> Option<Range<usize>> {
        let mut node = &self.0;
        for step in path {
            node = match step {
                Step::Of(key) => node.get(key)?,
                Step::At(index) => node.items().get(*index)?,
                Step::Key(key) => {
                    let entry: &Entry = node.entries().iter().find(|entry| entry.key == *key)?;
                    return Some(entry.key_place.span());
                }
            };
        }
        Some(node.place.span())
    }
}
