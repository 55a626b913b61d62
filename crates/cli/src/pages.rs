//! `--all-pages`: every page of a list as one answer.

use serde_json::Value;

use crate::call::Service;
use crate::exit::Cause;
use crate::failure::Failure;
use crate::request::Request;

/// Follows the page tokens from the first answer on and joins the lists.
///
/// # Errors
/// A page cannot be had, or the service repeats itself.
pub fn collect(service: &mut Service, request: &Request, first: Value) -> Result<Value, Failure> {
    let mut whole = first;
    let mut seen = Vec::new();
    let mut request = request.clone();
    while let Some(token) = take_token(&mut whole) {
        if seen.contains(&token) {
            return Err(Failure::new(Cause::Server, "the service gave the same page token twice"));
        }
        request.query.retain(|(name, _)| name != "pageToken");
        request.query.push(("pageToken".to_owned(), token.clone()));
        seen.push(token);
        join(&mut whole, service.call(&request)?);
    }
    Ok(whole)
}

fn take_token(value: &mut Value) -> Option<String> {
    match value.as_object_mut()?.remove("nextPageToken")? {
        Value::String(token) if !token.is_empty() => Some(token),
        _ => None,
    }
}

/// Appends a page: lists grow, other members are the last page's.
fn join(whole: &mut Value, page: Value) {
    let (Value::Object(members), Value::Object(more)) = (whole, page) else { return };
    for (name, value) in more {
        match (members.get_mut(&name), value) {
            (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
            (_, value) => {
                members.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_pages_are_joined_and_the_token_is_used_up() {
        let mut whole = json!({"sessions": [1], "nextPageToken": "a", "unreachable": ["x"]});
        assert_eq!(take_token(&mut whole).as_deref(), Some("a"));
        join(&mut whole, json!({"sessions": [2, 3], "nextPageToken": ""}));
        assert_eq!(take_token(&mut whole), None);
        assert_eq!(whole, json!({"sessions": [1, 2, 3], "unreachable": ["x"]}));
    }
}
