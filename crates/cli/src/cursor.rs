//! The words after `-r`: which are moves of the cursor, which are assignments, and the steps of their paths.
//!
//! A path is read from left to right. One leading dot starts at the top; after that, `n` dots in a row go up
//! `n - 1` levels. A bare path moves the cursor; an assignment never does. Nothing here knows the API's fields.

use std::ops::Range;

/// One word after `-r`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<'a> {
    /// `@file`: a document to merge at the cursor.
    Document(&'a str),
    /// `path`: move the cursor.
    Move(&'a str),
    /// `path=value`.
    Assign {
        /// The part before the `=`, without the mark of the source.
        path: &'a str,
        /// Where the value comes from.
        source: Source,
        /// The part after the `=`.
        value: &'a str,
    },
}

/// Where the value of an assignment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `path=TEXT`: the word itself.
    Text,
    /// `path:=JSON`, also `path:json=JSON`: the word, read as JSON.
    Json,
    /// `path:file=NAME`: what the file holds; `-` is standard input.
    File,
    /// `path:env=NAME`: what the variable holds.
    Environment,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the top.
    Top,
    /// Up so many levels.
    Up(usize),
    /// Down to a field, an element or a key; with its place in the path.
    Down(&'a str, Range<usize>),
}

/// A path that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// The path is empty (`=x`).
    Empty,
    /// It ends in a single dot (`a.`).
    TrailingDot,
}

/// Reads one word.
pub fn word(text: &str) -> Word<'_> {
    // A path never starts with `@`, so a file's name may hold anything.
    if let Some(name) = text.strip_prefix('@') {
        return Word::Document(name);
    }
    let Some((path, value)) = text.split_once('=') else { return Word::Move(text) };
    let (path, source) = match path.rsplit_once(':') {
        Some((path, "" | "json")) => (path, Source::Json),
        Some((path, "file")) => (path, Source::File),
        Some((path, "env")) => (path, Source::Environment),
        _ => (path, Source::Text),
    };
    Word::Assign { path, source, value }
}

/// Splits `name:file=x` and the like after the first `=` has been looked for already.
pub fn marked(name: &str) -> (&str, Source) {
    match name.rsplit_once(':') {
        Some((name, "file")) => (name, Source::File),
        Some((name, "env")) => (name, Source::Environment),
        _ => (name, Source::Text),
    }
}

/// The steps of a path.
///
/// # Errors
/// The two shapes that mean nothing.
pub fn steps(path: &str) -> Result<Vec<Step<'_>>, PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    let mut steps = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let rest = &path[at..];
        let dots = rest.len() - rest.trim_start_matches('.').len();
        let begins = at == 0;
        at += dots;
        match dots {
            0 => {}
            1 if begins => steps.push(Step::Top),
            // One dot between two names only parts them.
            1 if at < path.len() => {}
            1 => return Err(PathError::TrailingDot),
            n => steps.push(Step::Up(n - 1)),
        }
        let rest = &path[at..];
        let name = &rest[..rest.find('.').unwrap_or(rest.len())];
        if !name.is_empty() {
            steps.push(Step::Down(name, at..at + name.len()));
            at += name.len();
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Follows a path over plain names, as the original does.
    fn follow(from: &[&str], path: &str) -> Option<Vec<String>> {
        let mut at: Vec<String> = from.iter().map(|name| (*name).to_owned()).collect();
        for step in steps(path).ok()? {
            match step {
                Step::Top => at.clear(),
                Step::Up(levels) => at.truncate(at.len().checked_sub(levels)?),
                Step::Down(name, _) => at.push(name.to_owned()),
            }
        }
        Some(at)
    }

    #[test]
    fn paths_lead_where_the_original_goes() {
        let cases: &[(&[&str], &str, Option<&str>)] = &[
            (&["a", "b"], ".", Some("")),
            (&["x"], ".a.b", Some("a.b")),
            (&["x"], "a.b", Some("x.a.b")),
            (&["a", "b", "c"], "..", Some("a.b")),
            (&["a", "b", "c"], "...", Some("a")),
            (&["a", "b", "c"], "....", Some("")),
            (&["a", "b", "c"], ".....", None),
            (&["a", "b"], "..c", Some("a.c")),
            (&["a", "b", "c"], "....x.y", Some("x.y")),
            (&[], "a..b", Some("b")),
            (&["q"], ".a.b...c", Some("c")),
            (&[], "a..", Some("")),
            (&[], "a.b...", Some("")),
            (&[], "a.", None),
            (&[], "..", None),
        ];
        for (from, path, to) in cases {
            assert_eq!(follow(from, path).map(|at| at.join(".")).as_deref(), *to, "{path} from {from:?}");
        }
    }

    #[test]
    fn the_first_equals_sign_splits_and_the_mark_before_it_names_the_source() {
        let assign = |path, source, value| Word::Assign { path, source, value };
        assert_eq!(word("user=a=b"), assign("user", Source::Text, "a=b"));
        assert_eq!(word("labels=env:=x"), assign("labels", Source::Text, "env:=x"));
        assert_eq!(word("tags:=[1]"), assign("tags", Source::Json, "[1]"));
        assert_eq!(word("key:file=-"), assign("key", Source::File, "-"));
        assert_eq!(word("key:env=K"), assign("key", Source::Environment, "K"));
        assert_eq!(word("a..b"), Word::Move("a..b"));
        assert_eq!(word("@a=b.json"), Word::Document("a=b.json"));
    }

    proptest! {
        #[test]
        fn no_word_makes_the_parser_panic_and_every_name_is_where_it_says(text in "\\PC{0,40}") {
            let path = match word(&text) {
                Word::Document(_) => return Ok(()),
                Word::Move(path) | Word::Assign { path, .. } => path,
            };
            for step in steps(path).unwrap_or_default() {
                if let Step::Down(name, place) = step {
                    prop_assert_eq!(&path[place], name);
                    prop_assert!(!name.is_empty() && !name.contains('.'));
                }
            }
        }

        #[test]
        fn what_is_written_down_is_read_back(names in proptest::collection::vec("[a-z][a-z-]{0,8}", 1..6)) {
            let read = follow(&["somewhere"], &format!(".{}", names.join(".")));
            prop_assert_eq!(read, Some(names));
        }
    }
}
