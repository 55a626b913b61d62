//! Path templates of HTTP bindings: `/v1/{name=projects/*/locations/*/sessions/*}:terminate`.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
    /// The word after the colon of the last segment.
    verb: Option<String>,
    variables: Vec<Variable>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// Any one segment.
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    /// Path of the request field, snake_case with dots.
    field: String,
    /// Segments it covers.
    from: usize,
    to: usize,
}

/// A template that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path template \"{0}\" is not of the supported kind")]
pub struct TemplateError(String);

impl Template {
    /// Parses a template. `**` is not supported: nothing in this API spans a free number of segments.
    ///
    /// # Errors
    ///
    /// If it is malformed or uses `**`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Self::parse_or_none(text).ok_or_else(|| TemplateError(text.to_owned()))
    }

    fn parse_or_none(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('/')?;
        let mut template =
            Self { text: text.to_owned(), segments: Vec::new(), verb: None, variables: Vec::new() };
        // A colon outside braces starts the verb; inside there is none.
        if let Some(at) = rest.rfind(':').filter(|at| !rest[*at..].contains(['/', '}'])) {
            template.verb = Some(rest[at + 1..].to_owned());
            rest = &rest[..at];
        }
        loop {
            if let Some(inner) = rest.strip_prefix('{') {
                let (inner, after) = inner.split_once('}')?;
                let (field, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
                let from = template.segments.len();
                for segment in pattern.split('/') {
                    template.segments.push(Segment::parse(segment)?);
                }
                let to = template.segments.len();
                template.variables.push(Variable { field: field.to_owned(), from, to });
                rest = after;
            } else {
                let end = rest.find('/').unwrap_or(rest.len());
                template.segments.push(Segment::parse(&rest[..end])?);
                rest = &rest[end..];
            }
            if rest.is_empty() {
                return Some(template);
            }
            rest = rest.strip_prefix('/')?;
        }
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Request fields that the path sets, snake_case with dots.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|v| v.field.as_str())
    }

    /// The decoded values of the variables in their order, if the path fits. A slash at the end is
    /// tolerated where the template ends in a literal, which is what names a collection.
    pub fn matches(&self, path: &str) -> Option<Vec<String>> {
        let mut path = path.strip_prefix('/')?;
        if matches!(self.segments.last(), Some(Segment::Literal(_))) && self.verb.is_none() {
            path = path.strip_suffix('/').unwrap_or(path);
        }
        if let Some(verb) = &self.verb {
            path = path.strip_suffix(verb.as_str())?.strip_suffix(':')?;
        }
        // Starts of the segments, so that a variable is one slice of the path.
        let mut bounds = Vec::with_capacity(self.segments.len());
        let mut parts = path.split('/');
        let mut start = 0;
        for (at, segment) in self.segments.iter().enumerate() {
            let part = parts.next()?;
            let fits = match segment {
                Segment::Literal(literal) => part == literal,
                Segment::Any if at + 1 == self.segments.len() => !part.is_empty() && !part.contains(':'),
                Segment::Any => !part.is_empty(),
            };
            if !fits {
                return None;
            }
            bounds.push((start, start + part.len()));
            start += part.len() + 1;
        }
        if parts.next().is_some() {
            return None;
        }
        Some(self.variables.iter().map(|v| decode(&path[bounds[v.from].0..bounds[v.to - 1].1])).collect())
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Any),
            "" => None,
            literal if literal.contains(['*', '{', '}', '=']) => None,
            literal => Some(Self::Literal(literal.to_owned())),
        }
    }
}

/// Undoes percent-encoding, except of a slash: decoded, it would move the borders between segments.
fn decode(text: &str) -> String {
    percent_decode(text, |byte| byte != b'/')
}

/// Undoes percent-encoding of the bytes that `wanted` accepts. What is no escape, or no UTF-8 once decoded,
/// is kept as well as can be.
pub(crate) fn percent_decode(text: &str, wanted: impl Fn(u8) -> bool) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| Some(hex(bytes.get(at + 1))? * 16 + hex(bytes.get(at + 2))?))
            .flatten()
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| wanted(*value));
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(template: &str, path: &str) -> Option<Vec<String>> {
        Template::parse(template).unwrap().matches(path)
    }

    #[test]
    fn a_variable_spans_its_segments() {
        let template = "/v1/{parent=projects/*/locations/*}/sessions";
        assert_eq!(
            captures(template, "/v1/projects/p/locations/l/sessions"),
            Some(vec!["projects/p/locations/l".into()])
        );
        assert_eq!(captures(template, "/v1/projects/p/locations/l/sessions/x"), None);
        assert_eq!(captures(template, "/v1/projects//locations/l/sessions"), None);
        assert_eq!(captures(template, "/v1/projects/p/regions/l/sessions"), None);
        assert_eq!(captures(template, "v1/projects/p/locations/l/sessions"), None);
    }

    #[test]
    fn a_verb_ends_the_last_segment_and_an_id_has_no_colon() {
        let plain = "/v1/{name=projects/*/sessions/*}";
        let verb = "/v1/{name=projects/*/sessions/*}:terminate";
        assert_eq!(captures(plain, "/v1/projects/p/sessions/s:terminate"), None);
        assert_eq!(
            captures(verb, "/v1/projects/p/sessions/s:terminate"),
            Some(vec!["projects/p/sessions/s".into()])
        );
        assert_eq!(captures(verb, "/v1/projects/p/sessions/s"), None);
        assert_eq!(captures(verb, "/v1/projects/p/sessions/:terminate"), None);
        assert_eq!(captures(verb, "/v1/projects/p/sessions/s:x:terminate"), None);
        // Projects of a domain have a colon in their id.
        assert!(captures(plain, "/v1/projects/example.com:p/sessions/s").is_some());
    }

    #[test]
    fn a_slash_at_the_end_is_tolerated_on_collections_only() {
        assert!(captures("/v1/{parent=projects/*}/sessions", "/v1/projects/p/sessions/").is_some());
        assert!(captures("/v1/{parent=projects/*}/sessions", "/v1/projects/p/sessions//").is_none());
        assert!(captures("/v1/{name=projects/*/sessions/*}", "/v1/projects/p/sessions/s/").is_none());
    }

    #[test]
    fn escapes_are_decoded_but_a_slash_stays_escaped() {
        let value = |path| captures("/v1/{name=a/*}", path).unwrap().remove(0);
        assert_eq!(value("/v1/a/x%20y%2Fz%C3%A9"), "a/x y%2Fzé");
        assert_eq!(value("/v1/a/100%"), "a/100%");
        assert_eq!(value("/v1/a/%zz%ff"), "a/%zz\u{fffd}");
        assert_eq!(value("/v1/a/x%3Acancel"), "a/x:cancel");
    }

    #[test]
    fn other_kinds_of_templates_are_refused() {
        for text in ["v1", "/v1/**", "/v1/{name=a/**}", "/v1/{name", "/v1//a", "/v1/a*", "/"] {
            assert_eq!(Template::parse(text), Err(TemplateError(text.into())));
        }
    }
}
