//! Which known name was probably meant.

/// The original's threshold for a suggestion.
const NEAR: f64 = 0.8;

/// The known name nearest to `word`, if any is near enough.
///
/// Jaro-Winkler decides whether a name is near, edit distance which of the near ones is nearest: the first alone
/// prefers long names with a common beginning.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .filter_map(|name| {
            let near = strsim::jaro_winkler(&word, name);
            let distance = strsim::damerau_levenshtein(&word, name);
            (near > NEAR || distance == 1 && name.len() > 2).then_some((distance, name))
        })
        .min_by_key(|(distance, name)| (*distance, *name))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_letter_finds_the_nearest_method_not_the_first_with_the_same_beginning() {
        let methods = crate::api::methods().iter().map(|method| method.command);
        assert_eq!(nearest("locations-session-create", methods), Some("locations-sessions-create"));
    }

    #[test]
    fn something_else_entirely_has_no_suggestion() {
        assert_eq!(nearest("zzz", ["user", "labels"].into_iter()), None);
    }
}
