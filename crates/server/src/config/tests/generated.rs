//! The table against what is made from it.

use std::collections::BTreeSet;
use std::{env, fs, path::Path};

use clap::Args as _;

use super::super::reference::{json_schema, reference_markdown};
use super::super::settings::SETTINGS;
use super::*;

/// Compares a file of the repository with what it should be, or writes it when `BLESS` is set.
fn compare(name: &str, expected: &str, same: impl Fn(&str) -> bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        same(&found),
        "docs/reference/{name} is not current: run `BLESS=1 cargo test -p hearth-server config`"
    );
}

#[test]
fn the_reference_page_is_current() {
    let expected = reference_markdown();
    compare("configuration.md", &expected, |found| found == expected);
}

#[test]
fn the_schema_is_current() {
    let expected = json_schema();
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    // As values: the order of members depends on features that other packages turn on.
    compare("configuration.schema.json", &expected, |found| parse(found) == parse(&expected));
}

#[test]
fn the_schema_knows_every_setting() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    for setting in SETTINGS {
        let pointer = format!("/properties/{}", setting.key.replace('.', "/properties/"));
        assert!(schema.pointer(&pointer).is_some(), "{}", setting.key);
    }
}

#[test]
fn keys_and_variables_are_unique_and_sections_are_whole() {
    let unique = |names: Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    assert!(unique(SETTINGS.iter().map(|setting| setting.key.to_owned()).collect()));
    assert!(unique(SETTINGS.iter().map(|setting| setting.variable()).collect()));
    let mut sections: Vec<_> =
        SETTINGS.iter().map(|setting| setting.path().0.unwrap_or_default().to_owned()).collect();
    sections.dedup();
    assert!(unique(sections));
}

#[test]
fn the_table_and_the_command_line_have_the_same_flags() {
    let command = ConfigArgs::augment_args(clap::Command::new("serve"));
    let typed: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| !["config", "set", "help"].contains(name))
        .map(|name| format!("--{name}"))
        .collect();
    let listed: BTreeSet<String> =
        SETTINGS.iter().filter_map(|setting| setting.flag).map(str::to_owned).collect();
    assert_eq!(typed, listed);
    for setting in SETTINGS {
        let Some(flag) = setting.flag else { continue };
        let assigned = arguments::<ConfigArgs>(&[flag, "x"]).assignments();
        assert_eq!((assigned[0].key.as_str(), assigned[0].origin.to_string().as_str()), (setting.key, flag));
    }
}

#[test]
fn the_documentation_can_be_asked_for() {
    assert_eq!(arguments::<ShowArgs>(&["--config-docs", "reference"]).docs(), Some(reference_markdown()));
    assert_eq!(arguments::<ShowArgs>(&["--config-docs", "schema"]).docs(), Some(json_schema()));
    assert_eq!(arguments::<ShowArgs>(&[]).docs(), None);
}
