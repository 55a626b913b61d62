//! What a session asks to be installed beside its runtime's own packages.

use std::collections::BTreeSet;

/// Python packages by name, each with the versions that will do, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements(BTreeSet<String>);

/// A text that names no package of an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a package with versions, such as `polars>=1,<2` or `sklearn-extra[all]==0.3`")]
pub struct InvalidRequirement(pub String);

impl Requirements {
    /// Reads requirements with commas between them. A comma within brackets, or before a further version
    /// (`polars>=1,<2`), separates nothing.
    ///
    /// # Errors
    /// With the first one that is none. Addresses and paths are none: packages come from the session's index.
    pub fn parse(text: &str) -> Result<Self, InvalidRequirement> {
        let mut all: Vec<String> = Vec::new();
        let mut depth = 0_usize;
        for piece in text.split(',') {
            let trimmed = piece.trim();
            let goes_on = depth > 0 || trimmed.starts_with(['<', '>', '=', '!', '~']);
            match all.last_mut().filter(|_| goes_on) {
                Some(last) => {
                    last.push(',');
                    last.push_str(trimmed);
                }
                None => all.push(trimmed.to_owned()),
            }
            depth = (depth + piece.matches('[').count()).saturating_sub(piece.matches(']').count());
        }
        let mut requirements = BTreeSet::new();
        for requirement in all.into_iter().filter(|requirement| !requirement.is_empty()) {
            if !sound(&requirement) {
                return Err(InvalidRequirement(requirement));
            }
            requirements.insert(requirement);
        }
        Ok(Self(requirements))
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The requirements, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// A name, and after it extras, versions and a condition. No `@`, slash or line end, which would be an address, a file
/// or a further line; no option either, since those do not begin as names do.
fn sound(requirement: &str) -> bool {
    let name = name_of(requirement);
    let rest = requirement[name.len()..].trim_start();
    let known = |c: char| c.is_ascii_alphanumeric() || " ._-+*<>=!~,;[]()'\"".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && (rest.is_empty() || rest.starts_with(['[', '<', '>', '=', '!', '~', ';', '(']))
        && rest.chars().all(known)
}

/// The package's name as written.
fn name_of(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    &requirement[..end.unwrap_or(requirement.len())]
}

/// The package's name as indexes compare it: small letters, with a dash for each run of `-`, `_` and `.`.
pub(crate) fn normal_name(requirement: &str) -> String {
    let mut normal = String::new();
    for c in name_of(requirement).chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

/// Whether any version will do.
pub(crate) fn any_version(requirement: &str) -> bool {
    requirement.len() == name_of(requirement).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<String> {
        Requirements::parse(text).unwrap().iter().map(str::to_owned).collect()
    }

    #[test]
    fn commas_of_versions_and_extras_separate_nothing() {
        assert_eq!(
            parsed("polars>=1,<2 , dask[array,  dataframe]==2026.1, ,six"),
            ["dask[array,dataframe]==2026.1", "polars>=1,<2", "six"]
        );
        assert_eq!(parsed(""), [""; 0]);
        assert_eq!(parsed("a ; python_version < '4'"), ["a ; python_version < '4'"]);
        assert_eq!(parsed("b,a,b"), ["a", "b"]);
    }

    #[test]
    fn options_addresses_and_files_are_no_requirements() {
        for bad in [
            "-r /etc/passwd",
            "--index-url=http://evil",
            "./here",
            "/etc/x",
            "a @ https://evil/a.whl",
            "git+https://evil/a",
            "a\n--no-index",
            "a b",
            "==1",
            "_",
            "a$(x)",
        ] {
            assert!(Requirements::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        assert_eq!(normal_name("PySpark_Client.x>=1"), "pyspark-client-x");
        assert!(any_version("pandas") && !any_version("pandas==2") && !any_version("dask[array]"));
    }
}
