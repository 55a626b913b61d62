//! How a session says which template it is made from.

use crate::name::{Parent, TemplateName};

/// What may stand before a template's full name (contract, section 5.3).
const URL_PREFIX: &str = "https://www.googleapis.com/compute/v1/";

/// Why a session cannot be made from the template it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateReferenceError {
    /// The text names no template.
    #[error(
        "Invalid value for field 'session.session_template': '{0}' is neither a session template's name nor its id"
    )]
    Malformed(String),
    /// The template is of another project or location.
    #[error("Session template must be in the same project and location as the session")]
    Elsewhere,
}

/// The template that a session names: in full, in full behind `https://www.googleapis.com/compute/v1/`, or by its id
/// alone. An id that could never exist is simply not found later.
///
/// # Errors
/// When the text has none of these forms, or names a template of another project or location.
pub fn resolve(reference: &str, parent: &Parent) -> Result<TemplateName, TemplateReferenceError> {
    let full = match reference.strip_prefix(URL_PREFIX) {
        Some(full) => full,
        None if !reference.is_empty() && !reference.contains('/') => return Ok(parent.template(reference)),
        None => reference,
    };
    let malformed = |_| TemplateReferenceError::Malformed(reference.to_owned());
    let name: TemplateName = full.parse().map_err(malformed)?;
    if name.parent() == parent { Ok(name) } else { Err(TemplateReferenceError::Elsewhere) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(reference: &str) -> Result<TemplateName, TemplateReferenceError> {
        resolve(reference, &Parent { project: "p".into(), location: "l".into() })
    }

    #[test]
    fn a_template_is_named_in_full_behind_a_url_prefix_or_by_its_id() {
        for reference in [
            "projects/p/locations/l/sessionTemplates/etl",
            "https://www.googleapis.com/compute/v1/projects/p/locations/l/sessionTemplates/etl",
            "etl",
        ] {
            let name = resolved(reference).unwrap();
            assert_eq!(name.to_string(), "projects/p/locations/l/sessionTemplates/etl", "{reference}");
        }
    }

    #[test]
    fn a_template_of_another_project_or_location_is_refused() {
        for reference in [
            "projects/q/locations/l/sessionTemplates/etl",
            "projects/p/locations/m/sessionTemplates/etl",
            "https://www.googleapis.com/compute/v1/projects/q/locations/l/sessionTemplates/etl",
        ] {
            let error = resolved(reference).unwrap_err();
            assert_eq!(
                error.to_string(),
                "Session template must be in the same project and location as the session",
                "{reference}"
            );
        }
    }

    #[test]
    fn a_text_that_names_no_template_is_refused() {
        for reference in [
            "",
            "sessionTemplates/etl",
            "projects/p/locations/l/sessions/etl",
            "projects/p/locations/l/sessionTemplates/",
            "https://www.googleapis.com/compute/v1/etl",
            "https://example.com/projects/p/locations/l/sessionTemplates/etl",
        ] {
            let error = resolved(reference).unwrap_err();
            assert_eq!(error, TemplateReferenceError::Malformed(reference.to_owned()));
        }
    }
}
