//! Which runtime a version text means.

use crate::runtime::Runtime;

/// How well a text matches a runtime, the least exact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    /// A patch of an alias of this many bytes: `3.0.7` for `3.0`. Longer aliases are closer.
    AliasPatch(usize),
    /// The name and the start of the version, or all of it.
    NameAndVersion,
    /// An alias as it is written.
    Alias,
    /// The name as it is written.
    Name,
}

/// How `text` matches `runtime`, if it does.
pub(crate) fn matches(runtime: &Runtime, text: &str) -> Option<Match> {
    if text == runtime.name {
        return Some(Match::Name);
    }
    if runtime.aliases.iter().any(|alias| alias == text) {
        return Some(Match::Alias);
    }
    let version = text.strip_prefix(runtime.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    if version.is_some_and(|version| version_starts_with(&runtime.version, version))
        || text == runtime.full_name()
    {
        return Some(Match::NameAndVersion);
    }
    let patched = |alias: &&String| {
        text.strip_prefix(alias.as_str()).and_then(|rest| rest.strip_prefix('.')).is_some_and(is_number)
    };
    runtime.aliases.iter().filter(patched).map(|alias| Match::AliasPatch(alias.len())).max()
}

/// Whether `start` is the version or its first parts: `0.7` for `0.7.2`, but not `0.7.` or `0.`.
pub(crate) fn version_starts_with(version: &str, start: &str) -> bool {
    !start.is_empty()
        && version.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
