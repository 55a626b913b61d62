//! Partial responses: which members of an answer the caller wants (`fields`, CONTRACT section 13).
//!
//! `sessions(name,state),nextPageToken` and `sessions/name` are masks: commas list, `/` or `.` descends,
//! parentheses select several members below, `*` is any member. Lists are passed through.

use crate::{
    json::Style,
    schema::{Field, Kind, MessageType, Shape, Special, schema},
    violation::{FieldViolation, Violations},
};

/// Parentheses and descents may be nested this deep. Decision: no answer is nested as deeply.
const DEPTH_LIMIT: usize = 50;

/// Longest mask in bytes. Decision: far longer than any that people or programs write.
const LENGTH_LIMIT: usize = 8192;

/// A parsed mask that fits a message type. Goes into [`Style::mask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    root: Node,
}

/// Members selected below one place; none means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    members: Vec<(String, Node)>,
}

impl Mask {
    /// What the status of a bad mask says; the violations say the rest.
    pub const ERROR_MESSAGE: &'static str = "Request contains an invalid argument.";

    /// Parses a mask over an answer of type `ty`.
    ///
    /// # Errors
    ///
    /// If it is too long, cannot be parsed, or a path in it matches no field. Any path matches inside a packed message,
    /// and any key in a map.
    pub fn parse(text: &str, ty: &MessageType) -> Result<Self, Violations> {
        let refuse =
            |why: String| Violations(vec![FieldViolation { field: text.to_owned(), description: why }]);
        if text.len() > LENGTH_LIMIT {
            return Err(Violations::one(format!(
                "Error parsing 'fields' parameter: over {LENGTH_LIMIT} bytes."
            )));
        }
        let mut parser = Parser { text, at: 0 };
        let mut root = Node::default();
        let parsed = parser.list(&mut root, 0).filter(|()| parser.at == text.len());
        if parsed.is_none() {
            let at = text[..parser.at].chars().count() + 1;
            return Err(refuse(format!("Error parsing 'fields' parameter at character {at}.")));
        }
        if let Err(path) = root.check(ty, "") {
            return Err(refuse(format!(
                "Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
            )));
        }
        Ok(Self { root })
    }

    /// The same as a style, for the caller that wants nothing else.
    pub fn style(&self) -> Style<'_> {
        Style { mask: Some(self), ..Style::default() }
    }

    pub(crate) fn selection(&self) -> Selection<'_> {
        Selection(vec![&self.root])
    }
}

/// The nodes of a mask that speak about one place: a named one and those of `*` beside it.
///
/// They are found while the answer is written. Joining them beforehand would double a mask such as
/// `a(..),*(..)` with each level.
#[derive(Debug, Clone)]
pub(crate) struct Selection<'m>(Vec<&'m Node>);

/// What a mask selects of one member.
#[derive(Debug)]
pub(crate) enum Selected<'m> {
    /// The member is left out.
    Nothing,
    /// All of it.
    Everything,
    /// Some members below it.
    Some(Selection<'m>),
}

impl<'m> Selection<'m> {
    /// What is selected of a field.
    pub(crate) fn field(&self, field: &Field) -> Selected<'m> {
        match self.member(|name| *name == *field.json_name || *name == *field.name) {
            // `*/version` asks nothing of members that have no version.
            Selected::Some(below) if !below.fits(field) => Selected::Nothing,
            selected => selected,
        }
    }

    /// Whether some member below a field could be meant.
    fn fits(&self, field: &Field) -> bool {
        let Kind::Message(id) = field.kind else { return false };
        let ty = schema().message_at(id);
        let mut names = self.0.iter().flat_map(|node| &node.members).map(|(name, _)| name);
        match ty.special {
            Special::Timestamp | Special::Duration => false,
            Special::Any => true,
            Special::None => {
                field.shape == Shape::Map || names.any(|name| name == "*" || ty.by_name(name).is_some())
            }
        }
    }

    /// What is selected of a map entry.
    pub(crate) fn key(&self, key: &str) -> Selected<'m> {
        self.member(|name| name == key)
    }

    fn member(&self, matches: impl Fn(&str) -> bool) -> Selected<'m> {
        let found: Vec<&Node> = self
            .0
            .iter()
            .flat_map(|node| &node.members)
            .filter(|(name, _)| name == "*" || matches(name))
            .map(|(_, node)| node)
            .collect();
        match found.as_slice() {
            [] => Selected::Nothing,
            nodes if nodes.iter().any(|node| node.members.is_empty()) => Selected::Everything,
            _ => Selected::Some(Selection(found)),
        }
    }
}

impl Node {
    /// Adds a member. One that is there already is widened.
    fn add(&mut self, name: &str, node: Self) {
        match self.members.iter_mut().find(|(there, _)| there == name) {
            None => self.members.push((name.to_owned(), node)),
            Some((_, there)) => there.widen(node),
        }
    }

    fn widen(&mut self, other: Self) {
        if self.members.is_empty() || other.members.is_empty() {
            self.members.clear();
            return;
        }
        for (name, node) in other.members {
            self.add(&name, node);
        }
    }

    /// Finds the first path without a field, and gives members the names that fields have in JSON.
    fn check(&mut self, ty: &MessageType, path: &str) -> Result<(), String> {
        let members = std::mem::take(&mut self.members);
        for (name, mut node) in members {
            let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if name == "*" {
                // Any member will do, and each keeps what it has of the rest.
                let fits = ty.fields.iter().any(|f| node.clone().check_field(f, &here).is_ok());
                let nothing_to_fit = ty.fields.is_empty() && node.members.is_empty();
                if !fits && !nothing_to_fit {
                    return Err(node.first_path(&here));
                }
                self.add("*", node);
                continue;
            }
            let Some(field) = ty.by_name(&name) else { return Err(node.first_path(&here)) };
            node.check_field(field, &here)?;
            self.add(&field.json_name, node);
        }
        Ok(())
    }

    /// Checks what is selected below a field.
    fn check_field(&mut self, field: &Field, path: &str) -> Result<(), String> {
        if self.members.is_empty() {
            return Ok(());
        }
        let Kind::Message(id) = field.kind else { return Err(self.first_path(path)) };
        let ty = schema().message_at(id);
        match (ty.special, ty.fields.as_slice()) {
            // Keys can be anything; below a key is the value.
            (_, [_, value]) if field.shape == Shape::Map => self
                .members
                .iter_mut()
                .try_for_each(|(key, node)| node.check_field(value, &format!("{path}.{key}"))),
            (Special::None, _) => self.check(ty, path),
            (Special::Any, _) => Ok(()),
            (Special::Timestamp | Special::Duration, _) => Err(self.first_path(path)),
        }
    }

    /// The first complete path below here.
    fn first_path(&self, path: &str) -> String {
        match self.members.first() {
            None => path.to_owned(),
            Some((name, node)) => node.first_path(&format!("{path}.{name}")),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    /// `path { "," path }`
    fn list(&mut self, into: &mut Node, depth: usize) -> Option<()> {
        loop {
            self.path(into, depth)?;
            if !self.skip(',') {
                return Some(());
            }
        }
    }

    /// `name [ "/" path | "(" list ")" ]`
    fn path(&mut self, into: &mut Node, depth: usize) -> Option<()> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        self.skip_space();
        let rest = &self.text[self.at..];
        let name = &rest[..rest.find([',', '/', '.', '(', ')', ' ']).unwrap_or(rest.len())];
        if name.is_empty() {
            return None;
        }
        self.at += name.len();
        let mut node = Node::default();
        if self.skip('/') || self.skip('.') {
            self.path(&mut node, depth + 1)?;
        } else if self.skip('(') {
            self.list(&mut node, depth + 1)?;
            if !self.skip(')') {
                return None;
            }
        }
        into.add(name, node);
        Some(())
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.skip_space();
        let there = self.text[self.at..].starts_with(wanted);
        self.at += usize::from(there);
        there
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }
}
