//! `cargo xtask contract`: the table of the contract's statements against the tests that show them.
//!
//! `docs/contract.toml` is written by people, `docs/reference/contract.md` is made from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

/// What people write.
const SOURCE: &str = "docs/contract.toml";
/// What is made of it.
const PAGE: &str = "docs/reference/contract.md";
/// Where each test is about one section, which its name begins with.
const TESTS: &str = "crates/server/tests/it/contract";

/// A statement: what a client can rely on.
struct Statement {
    id: String,
    says: String,
    status: String,
    note: String,
    tests: Vec<String>,
}

/// A section of the contract.
struct Section {
    number: String,
    title: String,
    statements: Vec<Statement>,
}

/// Checks the table and writes the page; with `--check` compares the page instead.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [word] if word == "--check" => true,
        other => bail!("unknown: {}; `contract` knows --check", other.join(" ")),
    };
    let root = crate::root();
    let text = fs::read_to_string(root.join(SOURCE)).with_context(|| format!("could not read {SOURCE}"))?;
    let sections = read(&text)?;
    let problems = problems(&sections, &tests(&root.join("crates"))?, &tests(&root.join(TESTS))?);
    if !problems.is_empty() {
        bail!("{SOURCE}:\n  {}", problems.join("\n  "));
    }
    let (page, path) = (page(&sections), root.join(PAGE));
    if !check {
        return fs::write(&path, page).with_context(|| format!("could not write {PAGE}"));
    }
    if fs::read_to_string(&path).unwrap_or_default() != page {
        bail!("{PAGE} is not current: run `cargo xtask contract`");
    }
    Ok(())
}

fn read(text: &str) -> Result<Vec<Section>> {
    let table: Table = text.parse().with_context(|| format!("could not read {SOURCE}"))?;
    let rows = |of: &Table, key: &str| -> Vec<Table> {
        let rows = of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        rows.into_iter().filter_map(|row| row.try_into().ok()).collect()
    };
    let word = |of: &Table, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut sections = Vec::new();
    for section in rows(&table, "section") {
        let number = word(&section, "number");
        let statements = rows(&section, "statement").into_iter().enumerate().map(|(at, row)| Statement {
            id: format!("{number}-{}", at + 1),
            says: word(&row, "says"),
            status: word(&row, "status"),
            note: word(&row, "note"),
            tests: row
                .get("tests")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
        });
        sections.push(Section { statements: statements.collect(), title: word(&section, "title"), number });
    }
    Ok(sections)
}

/// The names of all tests below a folder, each with the crate or folder it is in.
fn tests(folder: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("could not read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let below = path.strip_prefix(folder)?.components().next();
                let part =
                    below.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
                found.entry(part).or_default().extend(names(&fs::read_to_string(&path)?));
            }
        }
    }
    Ok(found)
}

/// The functions of a source that follow an attribute which makes a test of them.
fn names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim_start) {
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        match name.and_then(|rest| rest.split(['(', '<']).next()) {
            Some(name) if marked => names.push(name.to_owned()),
            _ => {}
        }
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if name.is_some() {
            marked = false;
        }
    }
    names
}

fn problems(
    sections: &[Section],
    all: &BTreeMap<String, BTreeSet<String>>,
    own: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut named = BTreeSet::new();
    for statement in sections.iter().flat_map(|section| &section.statements) {
        let mut refuse =
            |why: String| problems.push(format!("{} \"{}\": {why}", statement.id, statement.says));
        match statement.status.as_str() {
            "holds" if statement.tests.is_empty() => refuse("no test shows it".to_owned()),
            "differs" if statement.tests.is_empty() || statement.note.is_empty() => {
                refuse("what differs needs a test and a note that says why".to_owned());
            }
            "open" if statement.note.is_empty() => refuse("what is open needs a note".to_owned()),
            "holds" | "differs" | "open" => {}
            other => refuse(format!("\"{other}\" is no status: holds, differs and open are")),
        }
        for test in &statement.tests {
            let (part, name) = test.split_once("::").unwrap_or(("", test));
            if !all.get(part).is_some_and(|tests| tests.contains(name)) {
                refuse(format!("there is no test {test}"));
            }
            named.insert(name.to_owned());
        }
    }
    let unnamed = own.values().flatten().filter(|name| !named.contains(*name));
    problems.extend(unnamed.map(|name| format!("no statement names the test {name}")));
    problems
}

fn page(sections: &[Section]) -> String {
    let mut page = format!(
        "# What holds of the API's contract\n\n<!-- Made from {SOURCE} by `cargo xtask contract`. -->\n\n\
         Each statement, and the tests that show it. `CRATE::TEST` is a test of `crates/CRATE`; those of \
         `{TESTS}` make each call over REST and over gRPC where both have it.\n"
    );
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for statement in sections.iter().flat_map(|section| &section.statements) {
        *counts.entry(&statement.status).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    let _ = writeln!(page, "\n{}.", counts.join(", "));
    for section in sections {
        let _ = writeln!(
            page,
            "\n## {} {}\n\n| | statement | status | tests |\n|---|---|---|---|",
            section.number, section.title
        );
        for Statement { id, says, status, note, tests } in &section.statements {
            let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
            let note = if note.is_empty() { String::new() } else { format!(": {note}") };
            let cells = [id.clone(), says.clone(), format!("{status}{note}"), tests.join(" ")];
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_their_attributes() {
        let source =
            "#[test]\n#[expect(unused)]\nfn one() {}\nfn helper() {}\n#[tokio::test]\nasync fn two() {}\n";
        assert_eq!(names(source), ["one", "two"]);
    }

    #[test]
    fn a_statement_without_a_test_and_a_test_without_a_statement_are_problems() {
        let text = "[[section]]\nnumber = '1'\ntitle = 't'\n[[section.statement]]\nsays = 'a'\nstatus = 'holds'\n\
                    [[section.statement]]\nsays = 'b'\nstatus = 'holds'\ntests = ['server::s1_gone']\n";
        let own = BTreeMap::from([("x.rs".to_owned(), BTreeSet::from(["s1_left".to_owned()]))]);
        let problems = problems(&read(text).unwrap(), &BTreeMap::new(), &own);
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }
}
