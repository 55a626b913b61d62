//! Places in the body: where the cursor stands and where an assignment goes.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::api::{Field, Kind, schema_at};
use crate::cursor::Step;

/// A part of a path into the body.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// A field of a structure.
    Field(&'static Field),
    /// An element of a list.
    Index(usize),
    /// A key of a map, or a name that is not checked.
    Key(String),
}

/// A place in the body.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: u16,
    parts: Vec<(Part, Kind)>,
    /// Names below the last known place, after a wrong cursor word.
    lost: Vec<String>,
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(crate) struct Stop {
    /// What is wrong.
    pub(crate) why: Why,
    /// Place of the name in the path.
    pub(crate) at: Range<usize>,
    /// The last place that exists.
    pub(crate) last: Place,
    /// The whole path as far as it can be named.
    pub(crate) full: String,
    /// Where a cursor would stand all the same, so that later words are not blamed.
    pub(crate) lost: Option<Place>,
}

/// What is wrong with a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No such field.
    Unknown(String),
    /// Up from the top.
    NoLevelAbove,
    /// Not an element of the list: what was written, and how many there are.
    NoElement(String, usize),
    /// Below a value that has no fields.
    Scalar(String),
    /// The cursor already stood at a place that does not exist.
    AlreadyLost,
}

impl Place {
    pub(crate) fn top(root: u16) -> Self {
        Self { root, parts: Vec::new(), lost: Vec::new() }
    }

    /// Type of the value here.
    pub(crate) fn kind(&self) -> Kind {
        self.parts.last().map_or(Kind::Struct(self.root), |(_, kind)| *kind)
    }

    /// The nearest field at or above, for its name and limits.
    pub(crate) fn owner(&self) -> Option<&'static Field> {
        self.parts.iter().rev().find_map(|(part, _)| match part {
            Part::Field(field) => Some(*field),
            _ => None,
        })
    }

    pub(crate) fn is_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(crate) fn ends_in_element(&self) -> bool {
        matches!(self.parts.last(), Some((Part::Index(_), Kind::Struct(_))))
    }

    pub(crate) fn is_empty_structure(&self) -> bool {
        matches!(self.kind(), Kind::Struct(at) if schema_at(at).fields.is_empty()) && !self.parts.is_empty()
    }

    /// Why a cursor cannot stand here, if so: it would have nothing below it.
    pub(crate) fn no_cursor_for(&self) -> Option<String> {
        match self.kind() {
            Kind::Struct(_) | Kind::List(_) | Kind::Map(_) | Kind::Any => None,
            other => Some(format!("a value ({})", other.label())),
        }
    }

    /// The path as it would be written from the top.
    pub(crate) fn path(&self) -> String {
        let known = self.parts.iter().map(|(part, _)| match part {
            Part::Field(field) => field.flag.to_owned(),
            Part::Index(at) => at.to_string(),
            Part::Key(key) => key.clone(),
        });
        known.chain(self.lost.iter().cloned()).collect::<Vec<_>>().join(".")
    }

    /// The path in JSON names.
    pub(crate) fn json_path(&self) -> String {
        let names = self.parts.iter().map(|(part, _)| match part {
            Part::Field(field) => field.json.to_owned(),
            Part::Index(at) => at.to_string(),
            Part::Key(key) => key.clone(),
        });
        names.collect::<Vec<_>>().join(".")
    }

    fn key(part: &Part) -> &str {
        match part {
            Part::Field(field) => field.json,
            Part::Key(key) => key,
            Part::Index(_) => "",
        }
    }

    /// The value here, if there is one.
    pub(crate) fn peek<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.parts.iter().try_fold(root, |value, (part, _)| match part {
            Part::Index(at) => value.get(*at),
            part => value.get(Self::key(part)),
        })
    }

    /// The value here, made (as `null`) with everything above it if it is missing.
    pub(crate) fn node<'v>(&self, root: &'v mut Value) -> Node<'v> {
        let mut value = root;
        for (part, _) in &self.parts {
            value = match part {
                Part::Index(at) => {
                    if !value.is_array() {
                        *value = Value::Array(Vec::new());
                    }
                    let Value::Array(items) = value else { unreachable!("made an array just above") };
                    while items.len() <= *at {
                        items.push(Value::Null);
                    }
                    &mut items[*at]
                }
                part => {
                    if !value.is_object() {
                        *value = Value::Object(Map::new());
                    }
                    let Value::Object(members) = value else { unreachable!("made an object just above") };
                    members.entry(Self::key(part)).or_insert(Value::Null)
                }
            };
        }
        Node(value)
    }

    fn down(&mut self, part: Part, kind: Kind) {
        self.parts.push((part, kind));
    }
}

/// A value in the body that may still be `null`, that is absent.
pub(crate) struct Node<'v>(pub(crate) &'v mut Value);

impl<'v> Node<'v> {
    /// Makes an empty structure of an absent value.
    pub(crate) fn get_or_insert_with(self, make: impl FnOnce() -> Map<String, Value>) -> &'v mut Value {
        if self.0.is_null() {
            *self.0 = Value::Object(make());
        }
        self.0
    }
}

/// Follows `steps` from `from`.
pub(crate) fn resolve(
    from: &Place,
    root: u16,
    value: &Value,
    path: &str,
    steps: &[Step<'_>],
    lenient: bool,
) -> Result<Place, Box<Stop>> {
    let mut place = from.clone();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Top => place = Place::top(root),
            Step::Up(levels) => {
                for _ in 0..*levels {
                    if place.lost.pop().is_none() && place.parts.pop().is_none() {
                        let full = place.path();
                        let why = Why::NoLevelAbove;
                        return Err(Box::new(Stop { why, at: 0..path.len(), last: place, full, lost: None }));
                    }
                }
            }
            Step::Down(name, range) => {
                let why = if place.is_lost() {
                    Some(Why::AlreadyLost)
                } else {
                    enter(&mut place, value, name, lenient)
                };
                if let Some(why) = why {
                    return Err(Box::new(stop(place, why, range.clone(), &steps[at..])));
                }
            }
        }
    }
    if place.is_lost() {
        let full = place.path();
        return Err(Box::new(Stop {
            why: Why::AlreadyLost,
            at: 0..path.len(),
            last: place,
            full,
            lost: None,
        }));
    }
    Ok(place)
}

/// One step down; what is wrong, if it leads nowhere.
fn enter(place: &mut Place, value: &Value, name: &str, lenient: bool) -> Option<Why> {
    // Below a structure without fields is nothing, so a name after it can only mean its neighbor.
    if place.is_empty_structure() && !lenient {
        place.parts.pop();
    }
    match place.kind() {
        Kind::Struct(at) => match schema_at(at).field(name) {
            Some(field) => place.down(Part::Field(field), field.kind),
            None if lenient => place.down(Part::Key(crate::names::camel(name)), Kind::Any),
            None => return Some(Why::Unknown(name.to_owned())),
        },
        Kind::List(of) => {
            let count = place.peek(value).and_then(Value::as_array).map_or(0, Vec::len);
            let index = match name {
                "+" => Some(count),
                "last" => count.checked_sub(1),
                digits => digits.parse::<usize>().ok().filter(|at| *at <= count),
            };
            match index {
                Some(at) => place.down(Part::Index(at), *of),
                None => return Some(Why::NoElement(name.to_owned(), count)),
            }
        }
        Kind::Map(of) => place.down(Part::Key(name.to_owned()), *of),
        Kind::Any => place.down(Part::Key(crate::names::camel(name)), Kind::Any),
        _ => return Some(Why::Scalar(name.to_owned())),
    }
    None
}

fn stop(place: Place, why: Why, at: Range<usize>, rest: &[Step<'_>]) -> Stop {
    let mut lost = place.clone();
    for step in rest {
        match step {
            Step::Down(name, _) => lost.lost.push((*name).to_owned()),
            Step::Up(levels) => {
                for _ in 0..*levels {
                    if lost.lost.pop().is_none() {
                        lost.parts.pop();
                    }
                }
            }
            Step::Top => {}
        }
    }
    let full = lost.path();
    Stop { why, at, last: place, full, lost: Some(lost) }
}
