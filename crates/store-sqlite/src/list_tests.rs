//! How lists with filters go about it.

use hearth_core::filter::{Filter, Schema};
use hearth_core::name::Parent;
use rusqlite::{Connection, params, params_from_iter};

use super::*;

fn parent() -> Parent {
    Parent { project: "p".to_owned(), location: "l".to_owned() }
}

fn session_list(filter: &str, after: bool, limit: usize) -> Statement {
    let filter = Filter::parse(filter, Schema::Sessions).unwrap();
    let after = after.then(|| (hearth_core::Timestamp::UNIX_EPOCH, parent().session("s1")));
    sessions(&SessionQuery { parent: parent(), filter, after, limit })
}

fn operation_list(filter: &str) -> Statement {
    let filter = Filter::parse(filter, Schema::Operations).unwrap();
    operations(&OperationQuery { parent: parent(), filter, after: None, limit: 100 })
}

fn template_list(filter: &str) -> Statement {
    let filter = Filter::parse(filter, Schema::Templates).unwrap();
    templates(&TemplateQuery { parent: parent(), filter, after: None, limit: 100 })
}

fn plan(connection: &Connection, statement: &Statement) -> String {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).unwrap();
    let rows = explain.query_map(params_from_iter(&statement.values), |row| row.get(3)).unwrap();
    rows.collect::<Result<Vec<String>, _>>().unwrap().join("\n")
}

fn database() -> (tempfile::TempDir, Connection) {
    let scratch = tempfile::tempdir().unwrap();
    let connection = crate::connection::open_writer(&scratch.path().join("hearth.db")).unwrap();
    (scratch, connection)
}

#[test]
fn every_list_reads_an_index_in_its_order_and_none_sorts_or_scans() {
    let (_scratch, connection) = database();
    let newest = "sessions_newest_first (project=? AND location=?";
    let by_state = "sessions_by_state (project=? AND location=? AND state=?";
    let by_label = "session_labels_newest_first (project=? AND location=? AND key=? AND value=?";
    for (filter, index) in [
        ("", newest),
        ("state = ACTIVE", by_state),
        ("create_time > \"2026-01-01T00:00:00Z\" AND state = ACTIVE", by_state),
        ("labels.team = a", by_label),
        ("state = ACTIVE AND labels.team = a", by_label),
        ("state = ACTIVE AND labels.cost:* AND NOT labels.team = a", by_state),
        ("state = ACTIVE OR state = FAILED", newest),
        ("NOT labels.team = a", newest),
        ("labels.team = a*", newest),
        ("create_time > \"2026-01-01T00:00:00Z\"", newest),
        ("session_id = demo", "sessions_by_name (project=? AND location=? AND id=?)"),
    ] {
        for after in [false, true] {
            let statement = session_list(filter, after, 100);
            let plan = plan(&connection, &statement);
            assert!(plan.contains(index), "{filter}\n{}\n{plan}", statement.sql);
            assert!(!plan.contains("SCAN"), "{filter}\n{plan}");
            // One session at most has the id, which is no order to speak of.
            assert!(!plan.contains("TEMP B-TREE") || filter.starts_with("session_id"), "{filter}\n{plan}");
        }
    }
    for (statement, index) in [
        (operation_list(""), "operations_newest_first (project=? AND location=?"),
        (operation_list("done = false"), "operations_newest_first (project=? AND location=?"),
        (
            operation_list("metadata.session = projects/p/locations/l/sessions/s1 AND done = true"),
            "operations_by_session (project=? AND location=? AND session=?",
        ),
        (template_list(""), "templates_newest_first (project=? AND location=?"),
        (template_list("labels.team = a"), "templates_newest_first (project=? AND location=?"),
    ] {
        let plan = plan(&connection, &statement);
        assert!(plan.contains(index), "{}\n{plan}", statement.sql);
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{}\n{plan}", statement.sql);
    }
}

/// How many steps of SQLite's machine a statement takes, which unlike its time is the same at every run.
fn steps(connection: &Connection, statement: &Statement) -> (usize, i32) {
    let mut prepared = connection.prepare(&statement.sql).unwrap();
    let mut rows = prepared.query(params_from_iter(&statement.values)).unwrap();
    let mut found = 0;
    while rows.next().unwrap().is_some() {
        found += 1;
    }
    drop(rows);
    (found, prepared.get_status(rusqlite::StatementStatus::VmStep))
}

#[test]
fn a_hundred_of_a_hundred_thousand_are_found_by_state_and_label_without_reading_the_rest() {
    let (_scratch, mut connection) = database();
    let transaction = connection.transaction().unwrap();
    {
        let mut session = transaction
            .prepare(
                "INSERT INTO sessions (uuid, project, location, id, created_at, state, state_at, settled, deleting,
                                       generation, document)
                 VALUES (?1, 'p', 'l', ?1, ?2, ?3, ?2, 0, 0, 1, '{}')",
            )
            .unwrap();
        let mut label = transaction
            .prepare(
                "INSERT INTO session_labels (uuid, key, value, project, location, created_at, id, state)
                 VALUES (?1, 'team', ?4, 'p', 'l', ?2, ?1, ?3)",
            )
            .unwrap();
        for number in 0..100_000 {
            let (id, at) = (format!("s{number:06}"), format!("2026-01-01T00:00:{number:06}Z"));
            let state = if number % 1000 == 0 { "ACTIVE" } else { "TERMINATED" };
            let team = if number % 500 == 0 { "small" } else { "large" };
            session.execute(params![id, at, state]).unwrap();
            label.execute(params![id, at, state, team]).unwrap();
        }
    }
    transaction.commit().unwrap();
    // Of 200 sessions of the small team every other is active.
    for (filter, budget) in [
        ("state = ACTIVE", 5_000),
        ("labels.team = small", 5_000),
        ("labels.team = small AND state = ACTIVE", 10_000),
        ("labels.team = large AND state = TERMINATED", 5_000),
    ] {
        let (found, steps) = steps(&connection, &session_list(filter, false, 100));
        assert_eq!(found, 100, "{filter}");
        assert!(steps < budget, "{filter}: {steps} steps");
    }
}
