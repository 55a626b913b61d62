//! Lists with filters, each as one statement that reads an index in the list's order.
//!
//! Which index is decided here, from the conditions that every row must meet: a label's value, then the state, else
//! the order alone. The rest of the filter is tested on what the index holds, and rows are read only to be shown.

use hearth_core::filter::{Filter, Test, TextField, TextMatch};
use hearth_core::name::Parent;
use hearth_core::session::StateLabel;
use hearth_store::{OperationQuery, SessionQuery, TemplateQuery};

use crate::restriction::{Columns, Statement};
use crate::row::time;

const SESSIONS: Columns = Columns {
    created_at: "s.created_at",
    state: Some("s.state"),
    done_at: None,
    operation_kind: None,
    kernel: None,
    text: |field| match field {
        TextField::SessionId => Some("s.id"),
        TextField::SessionUuid => Some("s.uuid"),
        _ => None,
    },
    labels: Some(("session_labels", "s.uuid")),
};

/// Sessions by way of a label: all but the document is beside it.
const LABELLED_SESSIONS: Columns = Columns {
    created_at: "d.created_at",
    state: Some("d.state"),
    text: |field| match field {
        TextField::SessionId => Some("d.id"),
        TextField::SessionUuid => Some("d.uuid"),
        _ => None,
    },
    labels: Some(("session_labels", "d.uuid")),
    ..SESSIONS
};

const OPERATIONS: Columns = Columns {
    created_at: "o.created_at",
    state: None,
    done_at: Some("o.done_at"),
    operation_kind: Some("o.kind"),
    kernel: None,
    text: |field| match field {
        TextField::OperationSession => Some("o.session"),
        _ => None,
    },
    labels: None,
};

const TEMPLATES: Columns = Columns {
    created_at: "t.created_at",
    state: None,
    done_at: None,
    operation_kind: None,
    kernel: Some("t.kernel"),
    text: |field| match field {
        // The condition on the parent is there anyway.
        TextField::Name => {
            Some("('projects/' || t.project || '/locations/' || t.location || '/sessionTemplates/' || t.id)")
        }
        TextField::Description => Some("t.description"),
        TextField::DisplayName => Some("t.display_name"),
        TextField::Creator => Some("t.creator"),
        _ => None,
    },
    labels: Some(("template_labels", "t.uuid")),
};

/// The page of sessions: document and generation.
pub(crate) fn sessions(query: &SessionQuery) -> Statement {
    let mut statement = Statement::default();
    let after = query.after.as_ref().map(|(at, name)| (time(*at), name.id().to_owned()));
    if let Some((key, value)) = label(&query.filter) {
        // CROSS JOIN: labels first, whatever SQLite may think of it.
        statement.push(
            "SELECT s.document, s.generation
             FROM session_labels AS d INDEXED BY session_labels_newest_first
             CROSS JOIN sessions AS s ON s.uuid = d.uuid WHERE d.key = ",
        );
        statement.bind(key.to_owned());
        statement.push(" AND d.value = ");
        statement.bind(value.to_owned());
        statement.push(" AND ");
        let rest = rest(&query.filter, |test| label_of(test) == Some((key, value)));
        page(&mut statement, "d", &query.parent, &rest, &LABELLED_SESSIONS, after, query.limit);
        return statement;
    }
    statement.push("SELECT s.document, s.generation FROM sessions AS s INDEXED BY ");
    if let Some(id) = exact(&query.filter, TextField::SessionId) {
        statement.push("sessions_by_name WHERE s.id = ");
        statement.bind(id.to_owned());
        statement.push(" AND ");
    } else if let Some(state) = state(&query.filter) {
        statement.push("sessions_by_state WHERE s.state = ");
        statement.bind(state.as_str().to_owned());
        statement.push(" AND ");
    } else {
        statement.push("sessions_newest_first WHERE ");
    }
    page(&mut statement, "s", &query.parent, &query.filter, &SESSIONS, after, query.limit);
    statement
}

/// The page of operations: document.
pub(crate) fn operations(query: &OperationQuery) -> Statement {
    let mut statement = Statement::default();
    statement.push("SELECT o.document FROM operations AS o INDEXED BY ");
    if let Some(session) = exact(&query.filter, TextField::OperationSession) {
        statement.push("operations_by_session WHERE o.session = ");
        statement.bind(session.to_owned());
        statement.push(" AND ");
    } else {
        statement.push("operations_newest_first WHERE ");
    }
    let after = query.after.as_ref().map(|(at, id)| (time(*at), id.to_string()));
    page(&mut statement, "o", &query.parent, &query.filter, &OPERATIONS, after, query.limit);
    statement
}

/// The page of templates: document and time of creation.
pub(crate) fn templates(query: &TemplateQuery) -> Statement {
    let mut statement = Statement::default();
    statement
        .push("SELECT t.document, t.created_at FROM templates AS t INDEXED BY templates_newest_first WHERE ");
    let after = query.after.as_ref().map(|(at, name)| (time(*at), name.id().to_owned()));
    page(&mut statement, "t", &query.parent, &query.filter, &TEMPLATES, after, query.limit);
    statement
}

/// What all lists have in common: the parent, the filter, where to go on, the order and the limit.
fn page(
    statement: &mut Statement,
    table: &str,
    parent: &Parent,
    filter: &Filter,
    columns: &Columns,
    after: Option<(String, String)>,
    limit: usize,
) {
    statement.push(&format!("{table}.project = "));
    statement.bind(parent.project.clone());
    statement.push(&format!(" AND {table}.location = "));
    statement.bind(parent.location.clone());
    if let Some((at, id)) = after {
        // The first comparison is what the index is entered with, the second sorts out those of the very same time.
        statement.push(&format!(" AND {table}.created_at <= "));
        statement.bind(at.clone());
        statement.push(&format!(" AND ({table}.created_at < "));
        statement.bind(at);
        statement.push(&format!(" OR {table}.id > "));
        statement.bind(id);
        statement.push(")");
    }
    if !filter.passes_all() {
        statement.push(" AND ");
        statement.condition(filter, columns);
    }
    statement.push(&format!(" ORDER BY {table}.created_at DESC, {table}.id LIMIT "));
    statement.bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// What every row that passes must meet, in the order it was written.
fn required(filter: &Filter) -> Box<dyn Iterator<Item = &Test> + '_> {
    match filter {
        Filter::And(parts) => Box::new(parts.iter().flat_map(required)),
        Filter::Test(test) => Box::new(std::iter::once(test)),
        Filter::Or(_) | Filter::Not(_) => Box::new(std::iter::empty()),
    }
}

/// The filter without one test that is asked for elsewhere.
fn rest(filter: &Filter, elsewhere: impl Fn(&Test) -> bool + Copy) -> Filter {
    match filter {
        Filter::And(parts) => Filter::And(parts.iter().map(|part| rest(part, elsewhere)).collect()),
        Filter::Test(test) if elsewhere(test) => Filter::all(),
        other => other.clone(),
    }
}

fn label(filter: &Filter) -> Option<(&str, &str)> {
    required(filter).find_map(label_of)
}

fn label_of(test: &Test) -> Option<(&str, &str)> {
    match test {
        Test::Label { key, matching: TextMatch::Exact(value) } => Some((key, value)),
        _ => None,
    }
}

fn state(filter: &Filter) -> Option<StateLabel> {
    required(filter).find_map(|test| if let Test::State(state) = test { Some(*state) } else { None })
}

fn exact(filter: &Filter, wanted: TextField) -> Option<&str> {
    required(filter).find_map(|test| match test {
        Test::Text { field, matching: TextMatch::Exact(text) } if *field == wanted => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
