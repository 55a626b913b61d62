//! Resource names: `projects/{p}/locations/{l}/sessions/{id}` and its kin.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::OperationId;

/// A project and a location: what sessions, templates and operations are listed under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Parent {
    /// The project's id.
    pub project: String,
    /// The location's name.
    pub location: String,
}

/// The full name of a session.
///
/// Reading a name does not check the session id's pattern: an id that could never exist is simply not found
/// (contract, section 2). [`SessionName::check_id`] does, when one is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionName {
    parent: Parent,
    id: String,
}

/// The full name of a session template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateName {
    parent: Parent,
    id: String,
}

/// The full name of an operation, in either of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationName {
    /// Where the operation lives.
    pub parent: Parent,
    /// Its id. `None` for a text that is no uuid, which names no operation there ever was.
    pub id: Option<OperationId>,
}

/// A text that is not a resource name of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not of the form '{form}'")]
pub struct InvalidName {
    /// What was given.
    pub text: String,
    /// What was expected.
    pub form: &'static str,
}

/// A session id that does not conform to the pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Session ID '{0}' must conform to pattern '[a-z0-9][a-z0-9\\-]{{2,61}}[a-z0-9]'")]
pub struct InvalidSessionId(pub String);

const PARENT_FORM: &str = "projects/{project}/locations/{location}";
const SESSION_FORM: &str = "projects/{project}/locations/{location}/sessions/{session}";
const TEMPLATE_FORM: &str = "projects/{project}/locations/{location}/sessionTemplates/{template}";
const OPERATION_FORM: &str = "projects/{project}/regions/{region}/operations/{operation}";

fn segments<const N: usize>(text: &str, form: &'static str) -> Result<[String; N], InvalidName> {
    let wrong = || InvalidName { text: text.to_owned(), form };
    let parts: Vec<&str> = text.split('/').collect();
    let shape: Vec<&str> = form.split('/').collect();
    if parts.len() != shape.len() {
        return Err(wrong());
    }
    let mut values = Vec::with_capacity(N);
    for (part, shape) in parts.iter().zip(&shape) {
        match shape.strip_prefix('{') {
            Some(_) if part.is_empty() => return Err(wrong()),
            Some(_) => values.push((*part).to_owned()),
            None if part == shape => {}
            // Operations answer under regions and under locations alike.
            None if *shape == "regions" && *part == "locations" => {}
            None => return Err(wrong()),
        }
    }
    values.try_into().map_err(|_| wrong())
}

impl FromStr for Parent {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let [project, location] = segments(text, PARENT_FORM)?;
        Ok(Self { project, location })
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}", self.project, self.location)
    }
}

impl Parent {
    /// Reads the parent of operations, which clients write with `regions` or with `locations`.
    ///
    /// # Errors
    /// When the text has neither form.
    pub fn parse_of_operations(text: &str) -> Result<Self, InvalidName> {
        let [project, location] = segments(text, "projects/{project}/regions/{region}")?;
        Ok(Self { project, location })
    }

    /// The name of the session with this id, whatever the id.
    pub fn session(&self, id: impl Into<String>) -> SessionName {
        SessionName { parent: self.clone(), id: id.into() }
    }

    /// The name of the template with this id, whatever the id.
    pub fn template(&self, id: impl Into<String>) -> TemplateName {
        TemplateName { parent: self.clone(), id: id.into() }
    }
}

macro_rules! child_name {
    ($name:ident, $form:expr, $collection:literal) => {
        impl $name {
            /// The project and location.
            pub fn parent(&self) -> &Parent {
                &self.parent
            }

            /// The last segment.
            pub fn id(&self) -> &str {
                &self.id
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let [project, location, id] = segments(text, $form)?;
                Ok(Self { parent: Parent { project, location }, id })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}/{}", self.parent, $collection, self.id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.to_string()
            }
        }
    };
}

child_name!(SessionName, SESSION_FORM, "sessions");
child_name!(TemplateName, TEMPLATE_FORM, "sessionTemplates");

impl SessionName {
    /// Whether the id may be given to a new session: `[a-z0-9][a-z0-9\-]{2,61}[a-z0-9]` (contract, section 2).
    ///
    /// # Errors
    /// With the recorded text when it may not.
    pub fn check_id(id: &str) -> Result<(), InvalidSessionId> {
        let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = id.as_bytes();
        let good = (4..=63).contains(&bytes.len())
            && bytes.iter().all(|c| word(*c) || *c == b'-')
            && word(bytes[0])
            && word(bytes[bytes.len() - 1]);
        if good { Ok(()) } else { Err(InvalidSessionId(id.to_owned())) }
    }
}

impl FromStr for OperationName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let [project, location, id] = segments(text, OPERATION_FORM)?;
        Ok(Self { parent: Parent { project, location }, id: id.parse().ok() })
    }
}

/// The form in which operations name themselves: with `regions`, as recorded answers do (contract, section 9).
pub fn operation_name(parent: &Parent, id: OperationId) -> String {
    format!("projects/{}/regions/{}/operations/{id}", parent.project, parent.location)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn session_names_read_back_as_written() {
        let text = "projects/p/locations/l/sessions/demo";
        let name: SessionName = text.parse().unwrap();
        assert_eq!((name.parent().project.as_str(), name.id()), ("p", "demo"));
        assert_eq!(name.to_string(), text);
    }

    #[test]
    fn operations_answer_under_regions_and_locations() {
        let id = "8d7f1a56-0f68-4a39-93ad-0e7d0f3a7a01";
        for kind in ["regions", "locations"] {
            let name: OperationName = format!("projects/p/{kind}/l/operations/{id}").parse().unwrap();
            assert_eq!(
                operation_name(&name.parent, name.id.unwrap()),
                format!("projects/p/regions/l/operations/{id}")
            );
        }
        assert_eq!("projects/p/regions/l/operations/x".parse::<OperationName>().unwrap().id, None);
    }

    #[test]
    fn session_ids_follow_the_recorded_pattern() {
        for good in ["abcd", "0abc", "a--b", &"a".repeat(63)] {
            assert_eq!(SessionName::check_id(good), Ok(()), "{good}");
        }
        for bad in ["", "abc", "-abc", "abc-", "Abcd", "ab_d", &"a".repeat(64)] {
            assert!(SessionName::check_id(bad).is_err(), "{bad}");
        }
        assert_eq!(
            InvalidSessionId("X".into()).to_string(),
            r"Session ID 'X' must conform to pattern '[a-z0-9][a-z0-9\-]{2,61}[a-z0-9]'"
        );
    }

    proptest! {
        #[test]
        fn reading_a_name_never_panics_and_what_is_read_is_written_the_same(text in ".{0,80}") {
            if let Ok(name) = text.parse::<SessionName>() {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            let _ = text.parse::<OperationName>();
            let _ = text.parse::<Parent>();
        }
    }
}
