//! YAML, as plain as it can be: block style, quotes only where a reader would misunderstand.

use serde_json::Value;

/// The value as a YAML document.
pub fn render(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if members.is_empty() => out.push_str("{}\n"),
        Value::Array(items) if items.is_empty() => out.push_str("[]\n"),
        Value::Object(_) | Value::Array(_) => block(value, 0, &mut out),
        scalar => {
            out.push_str(&text(scalar));
            out.push('\n');
        }
    }
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) => {
            for (at, (name, member)) in members.iter().enumerate() {
                // The first key of a list item stands beside its dash.
                if at > 0 || !out.ends_with("- ") {
                    out.push_str(&"  ".repeat(depth));
                }
                out.push_str(&quoted(name));
                out.push(':');
                below(member, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                if !out.ends_with("- ") {
                    out.push_str(&"  ".repeat(depth));
                }
                out.push_str("- ");
                match item {
                    Value::Object(members) if !members.is_empty() => block(item, depth + 1, out),
                    Value::Array(inner) if !inner.is_empty() => block(item, depth + 1, out),
                    other => {
                        out.push_str(&text(other));
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

fn below(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            block(value, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(value, depth, out);
        }
        other => {
            out.push(' ');
            out.push_str(&text(other));
            out.push('\n');
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// A text, in JSON's quotes where a plain one would be read as something else.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@ ()".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_the_same() {
        let value = json!({
            "a": {"b": [{"c": 1, "d": ["x", []]}, {}, [[1], "two"]], "e": {}},
            "true": "no", "n": "1.0", "empty": "", "odd": "a: b #c", "line": "x\ny", "time": "2024-01-01T00:00:00Z",
            "dash": "- x", "z": 0.5, "t": true, "null": "~"
        });
        let text = render(&value);
        let read: Value = serde_norway::from_str(&text).expect("YAML");
        assert_eq!(read, value, "{text}");
    }
}
