//! A client's own text in what it is answered.

/// How much of it is repeated, in characters. Our choice: longer than any value that most rules allow.
const LONGEST: usize = 100;

/// As much of a client's text as belongs in an answer: all of it, or its first 100 characters and dots.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
