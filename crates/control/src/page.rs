//! Page tokens and page sizes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearth_core::Timestamp;
use hearth_core::name::Parent;
use serde::{Deserialize, Serialize};

use crate::error::ControlError;

/// The page size of a request that does not say (contract, section 10).
pub const DEFAULT_PAGE_SIZE: usize = 20;
/// The largest page size; a larger one is taken as this.
pub const MAX_PAGE_SIZE: usize = 1000;

/// Where a list was left off, and what was listed. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    /// The question: a token answers no other.
    of: String,
    /// The last row's time.
    at: Timestamp,
    /// The last row's name.
    name: String,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; empty at the end.
    pub next_page_token: String,
}

/// How many rows to answer with.
///
/// # Errors
/// When the size is negative.
pub fn page_size(asked: i32) -> Result<usize, ControlError> {
    match usize::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(ControlError::field("page_size", format!("Page size must not be negative: {asked}"))),
    }
}

/// The token for what follows the row at `at` with `name`, in a list of `of`.
pub(crate) fn write_token(of: &str, at: Timestamp, name: &str) -> String {
    let token = Token { of: of.to_owned(), at, name: name.to_owned() };
    // A struct of strings and a time always has a JSON form.
    serde_json::to_vec(&token).map(|json| URL_SAFE_NO_PAD.encode(json)).unwrap_or_default()
}

/// Where to go on. `None` for an empty token: from the beginning.
///
/// # Errors
/// When the token is none of ours, or of another list.
pub(crate) fn read_token(text: &str, of: &str) -> Result<Option<(Timestamp, String)>, ControlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let token: Option<Token> =
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
    match token {
        Some(token) if token.of == of => Ok(Some((token.at, token.name))),
        Some(_) => {
            Err(ControlError::field("page_token", "Page token is of another list. Start again without it"))
        }
        None => Err(invalid_token()),
    }
}

/// What a token that is none of ours is answered with.
pub(crate) fn invalid_token() -> ControlError {
    ControlError::field("page_token", "Invalid page token. Start again without it")
}

/// The question that a list answers: a token is good for the same rows of the same parent only.
pub(crate) fn question(rows: &str, parent: &Parent, filter: &str) -> String {
    if filter.is_empty() {
        format!("{rows} of {parent}")
    } else {
        format!("{rows} of {parent} where {filter}")
    }
}

impl<T> Page<T> {
    /// The page of `size` at the beginning of `items`, of which one more was asked for to see whether anything
    /// follows. `place` tells the time and the name that a row is listed by.
    pub(crate) fn of(
        mut items: Vec<T>,
        size: usize,
        question: &str,
        place: impl Fn(&T) -> (Timestamp, String),
    ) -> Self {
        let more = items.len() > size;
        items.truncate(size);
        let next_page_token = match items.last().map(place) {
            Some((at, name)) if more => write_token(question, at, &name),
            _ => String::new(),
        };
        Self { items, next_page_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_answers_only_the_list_it_was_made_for() {
        let at = Timestamp::from_second(7).unwrap();
        let token = write_token("sessions of a", at, "x");
        assert_eq!(read_token(&token, "sessions of a").unwrap(), Some((at, "x".to_owned())));
        for (text, of) in
            [(token.as_str(), "sessions of b"), ("rubbish!", "sessions of a"), ("e30", "sessions of a")]
        {
            assert!(read_token(text, of).is_err());
        }
        assert_eq!(read_token("", "sessions of a").unwrap(), None);
    }

    #[test]
    fn page_sizes_have_a_default_and_a_maximum() {
        assert_eq!(page_size(0).unwrap(), DEFAULT_PAGE_SIZE);
        assert_eq!(page_size(7).unwrap(), 7);
        assert_eq!(page_size(i32::MAX).unwrap(), MAX_PAGE_SIZE);
        assert!(page_size(-1).is_err());
    }
}
