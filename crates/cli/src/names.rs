//! Names in their three spellings.

/// Camel or snake case to hyphens: `displayName` → `display-name`.
pub fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c.is_uppercase() && at > 0 && !out.ends_with('-') {
            out.push('-');
        }
        if c == '_' {
            out.push('-');
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// Hyphens to camel case: `display-name` → `displayName`.
pub fn camel(flag: &str) -> String {
    crate::value::mask(flag)
}
