//! What a session template is, and what it may be called.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::SessionConfig;
use crate::id::TemplateUuid;
use crate::name::{InvalidName, Parent, TemplateName};

/// A session template as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its full name.
    pub name: TemplateName,
    /// What tells it apart from others that had the same name.
    pub uuid: TemplateUuid,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written; the same as `created_at` at first.
    pub updated_at: Timestamp,
    /// What it is for, in words; empty for nothing.
    pub description: String,
    /// Its title; empty for none.
    pub display_name: String,
    /// Its labels, which its sessions inherit. Those in `config` stay empty.
    pub labels: BTreeMap<String, String>,
    /// The settings of its sessions. Its `user`, `template` and `labels` stay empty: a template has none of its own.
    pub config: SessionConfig,
}

/// A template id that does not conform to the pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Session Template ID '{0}' must conform to pattern '[a-zA-Z0-9][-_a-zA-Z0-9]{{1,48}}[a-zA-Z0-9]'")]
pub struct InvalidTemplateId(pub String);

/// Why a new template cannot have the name it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateNameError {
    /// It has none.
    #[error("Request contains an invalid argument.")]
    Missing,
    /// It is no template's name.
    #[error(transparent)]
    Malformed(#[from] InvalidName),
    /// It does not lie where it is to be made.
    #[error("Session template name '{name}' is not under '{parent}'")]
    Elsewhere {
        /// The name.
        name: TemplateName,
        /// Where it is to be made.
        parent: Parent,
    },
    /// Its last segment is no template's id.
    #[error(transparent)]
    Id(#[from] InvalidTemplateId),
}

/// Whether the id may be given to a new template: `[a-zA-Z0-9][-_a-zA-Z0-9]{1,48}[a-zA-Z0-9]` (contract, section 2).
///
/// # Errors
/// With a text in the recorded form when it may not.
pub fn check_id(id: &str) -> Result<(), InvalidTemplateId> {
    let bytes = id.as_bytes();
    let inner = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let good = (3..=50).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric();
    if good { Ok(()) } else { Err(InvalidTemplateId(id.to_owned())) }
}

/// The name of a new template: there is no parameter for its id, so the body's name must say all (contract, section 7).
///
/// # Errors
/// When there is no name, or it does not lie under `parent`, or its id does not conform to the pattern.
pub fn name_under(parent: &Parent, name: &str) -> Result<TemplateName, TemplateNameError> {
    if name.is_empty() {
        return Err(TemplateNameError::Missing);
    }
    let name: TemplateName = name.parse()?;
    if name.parent() != parent {
        return Err(TemplateNameError::Elsewhere { name, parent: parent.clone() });
    }
    check_id(name.id())?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_ids_have_three_to_fifty_characters_with_upper_case_and_underscores() {
        for good in ["abc", "A_b", "0-0", "a-_b", &"X".repeat(50)] {
            assert_eq!(check_id(good), Ok(()), "{good}");
        }
        for bad in ["", "ab", "-ab", "ab-", "_ab", "ab_", "a b", "a.b", "äbc", &"x".repeat(51)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
        assert_eq!(
            check_id("X").unwrap_err().to_string(),
            "Session Template ID 'X' must conform to pattern '[a-zA-Z0-9][-_a-zA-Z0-9]{1,48}[a-zA-Z0-9]'"
        );
    }

    #[test]
    fn a_new_templates_name_is_required_and_lies_under_the_parent() {
        let parent = Parent { project: "p".into(), location: "l".into() };
        let name = |text: &str| name_under(&parent, text);
        assert_eq!(name("projects/p/locations/l/sessionTemplates/Etl_1").unwrap().id(), "Etl_1");
        assert_eq!(name(""), Err(TemplateNameError::Missing));
        assert!(matches!(name("Etl_1"), Err(TemplateNameError::Malformed(_))));
        assert!(matches!(name("projects/p/locations/l/sessions/etl1"), Err(TemplateNameError::Malformed(_))));
        let elsewhere = name("projects/p/locations/m/sessionTemplates/etl").unwrap_err();
        assert_eq!(
            elsewhere.to_string(),
            "Session template name 'projects/p/locations/m/sessionTemplates/etl' is not under 'projects/p/locations/l'"
        );
        assert!(matches!(name("projects/p/locations/l/sessionTemplates/-"), Err(TemplateNameError::Id(_))));
    }
}
