//! Pages of lists (contract, sections 10 and 11).

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearth_wire::dataproc as pb;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// The page size of a request that does not say (contract, section 11).
const DEFAULT_SIZE: usize = 10;
/// The largest page size; a larger one is taken as this.
const MAX_SIZE: usize = 100;

/// Where a row is in its list: rows are listed from the smallest place on, and no two rows have the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place(pub(crate) i64, pub(crate) i64, pub(crate) String);

impl Place {
    pub(crate) fn of(first: i64, second: i64) -> Self {
        Self(first, second, String::new())
    }
}

/// Which page a request asks for.
#[derive(Debug)]
pub(crate) struct Page {
    size: usize,
    after: Option<Place>,
    of: u64,
}

/// What is in a token. Opaque to clients.
#[derive(Serialize, Deserialize)]
struct Token {
    of: u64,
    after: Place,
}

/// A request for a page.
pub(crate) trait Paged: Message + Clone {
    /// Takes out what says which page, so that the rest is the question.
    fn take_page(&mut self) -> (i32, String);
}

macro_rules! paged {
    ($($request:ident),* $(,)?) => { $(impl Paged for pb::$request {
        fn take_page(&mut self) -> (i32, String) {
            (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
        }
    })* };
}

paged!(
    SearchSessionSparkApplicationsRequest,
    SearchSessionSparkApplicationJobsRequest,
    SearchSessionSparkApplicationStagesRequest,
    SearchSessionSparkApplicationStageAttemptsRequest,
    SearchSessionSparkApplicationStageAttemptTasksRequest,
    SearchSessionSparkApplicationExecutorsRequest,
    SearchSessionSparkApplicationExecutorStageSummaryRequest,
    SearchSessionSparkApplicationSqlQueriesRequest,
    SearchSessionSparkApplicationNativeSqlQueriesRequest,
);

impl Page {
    /// The page that a request asks for.
    ///
    /// # Errors
    /// When its size is negative, or its token is none of ours or of another question.
    pub(crate) fn of<R: Paged>(request: &R) -> Result<Self, DataError> {
        let mut question = request.clone();
        let (size, token) = question.take_page();
        let size = match usize::try_from(size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
            Err(_) => {
                let text = format!("Page size must not be negative: {size}");
                return Err(DataError::invalid("page_size", text));
            }
        };
        let mut hasher = DefaultHasher::new();
        (std::any::type_name::<R>(), question.encode_to_vec()).hash(&mut hasher);
        let of = hasher.finish();
        Ok(Self { size, after: after(&token, of)?, of })
    }

    /// Whether a row belongs to this page or a later one.
    pub(crate) fn reaches(&self, place: &Place) -> bool {
        self.after.as_ref().is_none_or(|after| place > after)
    }

    /// As many of the first rows as can matter: the page, and one more to see whether another follows.
    pub(crate) fn keep<T>(&self, rows: &mut Vec<(Place, T)>) {
        rows.retain(|(place, _)| self.reaches(place));
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.truncate(self.size + 1);
    }

    /// The page of these rows, and the token for what follows it.
    pub(crate) fn cut<T>(&self, mut rows: Vec<(Place, T)>) -> (Vec<T>, String) {
        self.keep(&mut rows);
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let next = match rows.last() {
            Some((place, _)) if more => write(&Token { of: self.of, after: place.clone() }),
            _ => String::new(),
        };
        (rows.into_iter().map(|(_, row)| row).collect(), next)
    }
}

fn write(token: &Token) -> String {
    // A struct of numbers and a text always has a JSON form.
    serde_json::to_vec(token).map(|json| URL_SAFE_NO_PAD.encode(json)).unwrap_or_default()
}

fn after(token: &str, of: u64) -> Result<Option<Place>, DataError> {
    if token.is_empty() {
        return Ok(None);
    }
    let read =
        URL_SAFE_NO_PAD.decode(token).ok().and_then(|json| serde_json::from_slice::<Token>(&json).ok());
    match read {
        Some(token) if token.of == of => Ok(Some(token.after)),
        Some(_) => {
            Err(DataError::invalid("page_token", "Page token is of another list. Start again without it"))
        }
        None => Err(DataError::invalid("page_token", "Invalid page token. Start again without it")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(size: i32, token: &str) -> pb::SearchSessionSparkApplicationJobsRequest {
        pb::SearchSessionSparkApplicationJobsRequest {
            page_size: size,
            page_token: token.to_owned(),
            ..Default::default()
        }
    }

    proptest! {
        #[test]
        fn a_walk_meets_every_row_once_and_in_order(ids in prop::collection::btree_set(0..500_i64, 0..120), size in 1..40_i32) {
            let rows: Vec<_> = ids.iter().map(|id| (Place::of(-id, 0), *id)).collect();
            let (mut met, mut token) = (Vec::new(), String::new());
            loop {
                let page = Page::of(&request(size, &token)).unwrap();
                let (items, next) = page.cut(rows.clone());
                prop_assert!(items.len() <= usize::try_from(size).unwrap());
                met.extend(items);
                if next.is_empty() { break }
                token = next;
            }
            prop_assert_eq!(met, ids.into_iter().rev().collect::<Vec<_>>());
        }

        #[test]
        fn no_text_for_a_token_does_harm(token in "\\PC*") {
            let _ = Page::of(&request(1, &token));
        }
    }

    #[test]
    fn sizes_have_a_default_and_a_maximum_and_tokens_answer_one_question() {
        let rows: Vec<_> = (0..300).map(|id| (Place::of(id, 0), id)).collect();
        let (items, token) = Page::of(&request(0, "")).unwrap().cut(rows.clone());
        assert_eq!(items.len(), DEFAULT_SIZE);
        assert_eq!(Page::of(&request(5000, &token)).unwrap().cut(rows).0.len(), MAX_SIZE);
        assert!(Page::of(&request(-1, "")).is_err());
        let mut other = request(0, &token);
        other.name = "another".to_owned();
        assert!(Page::of(&other).is_err());
    }
}
