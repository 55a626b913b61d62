//! Which fields each list can be filtered by.

use super::TextField;

/// The list that a filter is for, which says what fields there are (contract, sections 7, 9 and 10).
///
/// Every field answers to its name in the API description and to its name in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Sessions: `session_id`, `session_uuid`, `state`, `create_time`, `labels.KEY`.
    Sessions,
    /// Operations: `done`, `metadata.operation_type`, `metadata.session`, `metadata.create_time`.
    Operations,
    /// Session templates, by equality joined with AND only: `name`, `description`, `display_name`, `creator`,
    /// `labels.KEY`, `jupyter_session.kernel`.
    Templates,
}

/// A field of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Text(TextField),
    State,
    Created,
    Done,
    OperationKind,
    Kernel,
    /// One label.
    Label(String),
    /// All labels, which can only be asked for a key.
    Labels,
}

/// The fields of a list with their names in the API description; labels apart.
type Fields = &'static [(&'static str, Field)];

const SESSIONS: Fields = &[
    ("session_id", Field::Text(TextField::SessionId)),
    ("session_uuid", Field::Text(TextField::SessionUuid)),
    ("state", Field::State),
    ("create_time", Field::Created),
];

const OPERATIONS: Fields = &[
    ("done", Field::Done),
    ("metadata.operation_type", Field::OperationKind),
    ("metadata.session", Field::Text(TextField::OperationSession)),
    ("metadata.create_time", Field::Created),
];

const TEMPLATES: Fields = &[
    ("name", Field::Text(TextField::Name)),
    ("description", Field::Text(TextField::Description)),
    ("display_name", Field::Text(TextField::DisplayName)),
    ("creator", Field::Text(TextField::Creator)),
    ("jupyter_session.kernel", Field::Kernel),
];

impl Schema {
    fn fields(self) -> Fields {
        match self {
            Self::Sessions => SESSIONS,
            Self::Operations => OPERATIONS,
            Self::Templates => TEMPLATES,
        }
    }

    fn labels(self) -> bool {
        match self {
            Self::Sessions | Self::Templates => true,
            Self::Operations => false,
        }
    }

    /// Whether only equality joined with AND is taken.
    pub(super) fn equality_only(self) -> bool {
        matches!(self, Self::Templates)
    }

    /// The field at a path, if the list has one there.
    pub(super) fn field(self, path: &[String]) -> Option<Field> {
        if let [labels, key @ ..] = path
            && labels == "labels"
            && self.labels()
        {
            return match key {
                [] => Some(Field::Labels),
                [key] => Some(Field::Label(key.clone())),
                _ => None,
            };
        }
        self.fields().iter().find(|(name, _)| same(name, path)).map(|(_, field)| field.clone())
    }

    /// The names of all fields, for a caller who used another.
    pub(super) fn known(self) -> String {
        let names = self.fields().iter().map(|(name, _)| *name);
        names.chain(self.labels().then_some("labels.KEY")).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a path names a field, each segment in either spelling.
fn same(name: &str, path: &[String]) -> bool {
    let mut segments = name.split('.');
    path.iter()
        .all(|given| segments.next().is_some_and(|segment| given == segment || *given == camel_case(segment)))
        && segments.next().is_none()
}

fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}
