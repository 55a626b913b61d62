//! Columns: a line for each item of a list, or a line for each field of a resource.

use serde_json::Value;

use super::name_of;
use crate::api::Method;

/// Columns by what the items are, as a heading and a JSON pointer.
///
/// Chosen so that a line fits into a terminal; the whole answer is a `--output yaml` away.
const COLUMNS: &[(&str, &[(&str, &str)])] = &[
    (
        "sessions",
        &[
            ("STATE", "/state"),
            ("CREATED", "/createTime"),
            ("VERSION", "/runtimeConfig/version"),
            ("USER", "/user"),
            ("CREATOR", "/creator"),
        ],
    ),
    (
        "sessionTemplates",
        &[("DESCRIPTION", "/description"), ("VERSION", "/runtimeConfig/version"), ("UPDATED", "/updateTime")],
    ),
    ("batches", &[("STATE", "/state"), ("CREATED", "/createTime"), ("CREATOR", "/creator")]),
    (
        "operations",
        &[
            ("DONE", "/done"),
            ("TYPE", "/metadata/operationType"),
            ("CREATED", "/metadata/createTime"),
            ("ERROR", "/error/message"),
        ],
    ),
    (
        "clusters",
        &[
            ("STATE", "/status/state"),
            ("SINCE", "/status/stateStartTime"),
            ("WORKERS", "/config/workerConfig/numInstances"),
        ],
    ),
    (
        "jobs",
        &[
            ("STATE", "/status/state"),
            ("CLUSTER", "/placement/clusterName"),
            ("SINCE", "/status/stateStartTime"),
        ],
    ),
    ("templates", &[("VERSION", "/version"), ("CREATED", "/createTime")]),
    ("policies", &[("WORKERS", "/workerConfig/maxInstances")]),
    (
        "sparkApplications",
        &[("APPLICATION", "/application/applicationId"), ("APP NAME", "/application/name")],
    ),
];

/// The items of a list answer, if it is one.
pub fn items(value: &Value) -> Option<Vec<&Value>> {
    list(value).map(|(_, items)| items)
}

/// A list answer is one array beside the page token and the like; an empty one may have nothing at all.
fn list(value: &Value) -> Option<(&str, Vec<&Value>)> {
    let members = value.as_object()?;
    if name_of(value).is_some() {
        return None;
    }
    let mut arrays =
        members.iter().filter(|(name, member)| member.is_array() && name.as_str() != "unreachable");
    let (name, items) = arrays.next()?;
    if arrays.next().is_some() {
        return None;
    }
    Some((name, items.as_array()?.iter().collect()))
}

/// The answer as a table.
pub fn render(value: &Value, method: &Method, color: bool) -> String {
    if method.paged() && value.as_object().is_some_and(serde_json::Map::is_empty) {
        return String::new();
    }
    match list(value) {
        Some((kind, items)) => columns(kind, &items, color),
        None => fields(value, color),
    }
}

fn columns(kind: &str, items: &[&Value], color: bool) -> String {
    let mut heads = vec!["NAME".to_owned()];
    let mut pointers: Vec<String> = Vec::new();
    match COLUMNS.iter().find(|(known, _)| *known == kind) {
        Some((_, columns)) => {
            heads.extend(columns.iter().map(|(head, _)| (*head).to_owned()));
            pointers.extend(columns.iter().map(|(_, at)| (*at).to_owned()));
        }
        // Unknown items show their first scalars.
        None => {
            let first = items.iter().find_map(|item| item.as_object());
            for (name, _) in first
                .into_iter()
                .flatten()
                .filter(|(name, member)| !member.is_object() && !member.is_array() && name.as_str() != "name")
            {
                if pointers.len() < 5 {
                    heads.push(crate::names::kebab(name).to_uppercase());
                    pointers.push(format!("/{name}"));
                }
            }
        }
    }
    let mut rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let name = name_of(item).map_or_else(|| cell(item), |name| last(name).to_owned());
            let mut row = vec![name];
            row.extend(pointers.iter().map(|at| item.pointer(at).map(cell).unwrap_or_default()));
            row
        })
        .collect();
    // A column that is empty for every item says nothing.
    for at in (1..heads.len()).rev() {
        if rows.iter().all(|row| row[at].is_empty()) {
            heads.remove(at);
            rows.iter_mut().for_each(|row| {
                row.remove(at);
            });
        }
    }
    aligned(Some(heads), &rows, color)
}

fn fields(value: &Value, color: bool) -> String {
    let mut rows = Vec::new();
    flatten(value, "", &mut rows);
    aligned(None, &rows, color)
}

fn flatten(value: &Value, path: &str, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                flatten(member, &crate::value::join(path, name), rows);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                flatten(item, &crate::value::join(path, &at.to_string()), rows);
            }
        }
        other => rows.push(vec![path.to_owned(), cell(other)]),
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        other => other.to_string(),
    };
    crate::problem::printable(&text)
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn aligned(heads: Option<Vec<String>>, rows: &[Vec<String>], color: bool) -> String {
    let count = heads.as_ref().map(Vec::len).or_else(|| rows.first().map(Vec::len)).unwrap_or(0);
    let lines = heads.iter().chain(rows);
    let widths: Vec<usize> =
        (0..count).map(|at| lines.clone().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for (number, row) in lines.enumerate() {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < count {
                line.push_str(&" ".repeat(widths[at] - cell.chars().count() + 2));
            }
        }
        let line = line.trim_end();
        if color && heads.is_some() && number == 0 {
            out.push_str(&format!("\x1b[1m{line}\x1b[0m\n"));
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_has_a_line_for_each_item_and_no_empty_columns() {
        let method = crate::api::method("locations-sessions-list").expect("known");
        let value = json!({"sessions": [
            {"name": "projects/p/locations/l/sessions/etl-1", "state": "ACTIVE", "user": "ana"},
            {"name": "projects/p/locations/l/sessions/b", "state": "CREATING"},
        ], "nextPageToken": "x"});
        assert_eq!(
            render(&value, method, false),
            "NAME   STATE     USER\netl-1  ACTIVE    ana\nb      CREATING\n"
        );
        assert_eq!(render(&json!({}), method, false), "");
    }

    #[test]
    fn a_resource_has_a_line_for_each_field() {
        let method = crate::api::method("locations-sessions-get").expect("known");
        let value = json!({"name": "n", "runtimeConfig": {"version": "3.0"}, "sparkConnectSession": {}});
        assert_eq!(
            render(&value, method, false),
            "name                   n\nruntimeConfig.version  3.0\nsparkConnectSession    {}\n"
        );
    }
}
