//! Names of sessions and operations, from what a person types.

use std::fmt;

/// A project and a location: where short names belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The project.
    pub project: String,
    /// The location.
    pub location: String,
}

/// A name that is neither an id nor a full name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the name of {kind}; give an id or \"{form}\"")]
pub struct PlaceError {
    text: String,
    kind: &'static str,
    form: &'static str,
}

const SESSION_FORM: &str = "projects/P/locations/L/sessions/ID";
const OPERATION_FORM: &str = "projects/P/regions/R/operations/ID";

impl Place {
    /// The full name of the session that `text`, an id or a full name, means here.
    ///
    /// # Errors
    /// When it is neither.
    pub fn session(&self, text: &str) -> Result<String, PlaceError> {
        if let Some((_, id)) = Self::of_session(text) {
            debug_assert!(!id.is_empty());
            return Ok(text.to_owned());
        }
        match text {
            "" => Err(PlaceError { text: text.to_owned(), kind: "a session", form: SESSION_FORM }),
            text if text.contains('/') => {
                Err(PlaceError { text: text.to_owned(), kind: "a session", form: SESSION_FORM })
            }
            id => Ok(format!("{self}/sessions/{id}")),
        }
    }

    /// Place and id in the full name of a session.
    pub fn of_session(name: &str) -> Option<(Self, &str)> {
        match name.split('/').collect::<Vec<_>>()[..] {
            ["projects", project, "locations", location, "sessions", id]
                if ![project, location, id].contains(&"") =>
            {
                Some((Self { project: project.to_owned(), location: location.to_owned() }, id))
            }
            _ => None,
        }
    }

    /// The full name of the operation that `text`, an id or a full name, means here.
    ///
    /// # Errors
    /// When it is neither.
    pub fn operation(&self, text: &str) -> Result<String, PlaceError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [id] if !id.is_empty() => Ok(format!("{}/{id}", self.operations())),
            ["projects", project, "regions" | "locations", region, "operations", id]
                if ![project, region, id].contains(&"") =>
            {
                Ok(text.to_owned())
            }
            _ => Err(PlaceError { text: text.to_owned(), kind: "an operation", form: OPERATION_FORM }),
        }
    }

    /// The name of the collection of operations here. Operations are named under regions (contract, section 9).
    pub fn operations(&self) -> String {
        format!("projects/{}/regions/{}/operations", self.project, self.location)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}", self.project, self.location)
    }
}

/// The id at the end of a full name.
pub fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_full_names_become_full_names() {
        let place = Place { project: "p".to_owned(), location: "l".to_owned() };
        assert_eq!(place.session("etl").unwrap(), "projects/p/locations/l/sessions/etl");
        let elsewhere = "projects/q/locations/m/sessions/etl";
        assert_eq!(place.session(elsewhere).unwrap(), elsewhere);
        assert_eq!(place.operation("7f").unwrap(), "projects/p/regions/l/operations/7f");
        for full in ["projects/q/regions/m/operations/7f", "projects/q/locations/m/operations/7f"] {
            assert_eq!(place.operation(full).unwrap(), full);
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_form_wanted() {
        let place = Place { project: "p".to_owned(), location: "l".to_owned() };
        for text in ["", "a/b", "projects/p/locations/l/sessions/", "projects/p/locations/l/batches/b"] {
            let error = place.session(text).unwrap_err().to_string();
            assert!(error.contains("projects/P/locations/L/sessions/ID"), "{error}");
        }
        for text in ["", "operations/7f", "projects/p/regions//operations/7f"] {
            assert!(place.operation(text).is_err(), "{text}");
        }
    }
}
