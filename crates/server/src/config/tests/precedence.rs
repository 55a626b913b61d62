//! Which source wins.

use std::path::Path;
use std::time::Duration;

use super::super::args::read;
use super::*;

#[test]
fn without_sources_the_defaults_hold() {
    let loaded = resolve(&sources()).unwrap();
    let config = &loaded.config;
    assert_eq!(config.listen, ["127.0.0.1:8470".parse().unwrap()]);
    assert_eq!(config.state_dir, PathBuf::from("/home/ann/.local/state/hearth"));
    assert_eq!(config.runtimes_dir, PathBuf::from("/home/ann/.local/share/hearth/runtimes"));
    assert_eq!(config.default_runtime, "sail");
    assert_eq!((config.project.as_str(), config.default_location.as_str()), ("local", "local"));
    assert_eq!((config.create_hold, config.max_body), (Duration::from_millis(700), 32 << 20));
    assert_eq!(config.auth, Auth::Token);
    assert_eq!(config.session, hearth_core::policy::SessionPolicy::default());
    assert!(loaded.origins.values().all(|origin| *origin == Origin::Default));
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_file_overrides_defaults_a_variable_the_file_and_a_flag_the_variable() {
    let mut sources = sources();
    let mut seen = Vec::new();
    let mut look = |sources: &Sources| {
        let loaded = resolve(sources).unwrap();
        seen.push((loaded.config.state_dir.display().to_string(), loaded.origin("state-dir").to_string()));
    };
    look(&sources);
    sources = sources.file("\nstate-dir = '/file'\n");
    look(&sources);
    sources = sources.variable("HEARTH_STATE_DIR", "/variable");
    look(&sources);
    sources = sources.flags(&["--state-dir", "/flag"]);
    look(&sources);
    let expected = [
        ("/home/ann/.local/state/hearth", "default"),
        ("/file", "hearth.toml:2"),
        ("/variable", "HEARTH_STATE_DIR"),
        ("/flag", "--state-dir"),
    ];
    assert_eq!(seen, expected.map(|(path, origin)| (path.to_owned(), origin.to_owned())));
}

#[test]
fn a_later_source_replaces_a_whole_list() {
    let sources = sources().file("listen = ['127.0.0.1:1', '127.0.0.1:2']").flags(&["--listen", "[::1]:3"]);
    assert_eq!(sources.config().listen, ["[::1]:3".parse().unwrap()]);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let sources = sources().file("project = 'team'").variable("HEARTH_PROJECT", "");
    assert_eq!(sources.config().project, "team");
}

#[test]
fn an_empty_flag_undoes_what_a_file_sets() {
    let sources = sources().file("advertise = 'spark.example.com:443'\nlocations = ['a', 'local']").flags(&[
        "--advertise",
        "",
        "--set",
        "locations=",
    ]);
    let config = sources.config();
    assert_eq!((config.advertise, config.locations), (None, Vec::new()));
}

#[test]
fn every_key_can_be_set_by_set() {
    let sources = sources().flags(&["--set", "session.stop-grace=1s", "--set", "log.format=json"]);
    let loaded = resolve(&sources).unwrap();
    assert_eq!(loaded.config.session.stop_grace, Duration::from_secs(1));
    assert_eq!(loaded.config.log.format, LogFormat::Json);
    assert_eq!(loaded.origin("log.format").to_string(), "--set log.format");
}

#[test]
fn variables_that_mean_nothing_are_warned_about_without_their_values() {
    let sources = sources()
        .variable("HEARTH_STATEDIR", "hunter2")
        .variable("HEARTH_KITCHEN", "hunter2")
        .variable("HEARTH_TOKEN", "for the client")
        .variable("HEARTH_ENDPOINT", "for the client")
        .variable("HEARTH_LOCATION", "for the client")
        .variable("HEARTH_CONFIG", "hearth.toml");
    let warnings: Vec<String> = resolve(&sources).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "the variable HEARTH_STATEDIR has no meaning and was ignored; did you mean HEARTH_STATE_DIR?",
            "the variable HEARTH_KITCHEN has no meaning and was ignored",
        ]
    );
}

#[test]
fn what_is_printed_can_be_loaded_and_means_the_same() {
    let first = sources().file(
        r#"
        listen = ["127.0.0.1:1", "[::1]:2"]
        state-dir = "/a \"quoted\" \\ path"
        advertise = "spark.example.com:443"
        locations = ["europe-west1", "local"]
        create-hold = "1s5ms"
        max-body = "1025B"
        auth = "none"
        runtimes = { catalogue = "catalogue.toml", default = "3.0" }
        session = { default-ttl = "1d12h", log-limit = "1GB" }
        log = { format = "json", filter = "warn,hearth_control[span{session=\"a\"}]=trace" }
        "#,
    );
    let loaded = resolve(&first).unwrap();
    let printed = loaded.print();
    assert!(printed.contains("create-hold = \"1s5ms\"  # hearth.toml:6\n"), "{printed}");
    assert!(printed.contains("stop-grace = \"5s\"  # default\n"), "{printed}");
    let again = sources().file(&printed).config();
    assert_eq!(again, loaded.config);
    let defaults = resolve(&sources()).unwrap();
    assert_eq!(sources().file(&defaults.print()).config(), defaults.config);
}

#[test]
fn only_a_file_that_was_asked_for_must_be_there() {
    let missing = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-such-file.toml");
    assert!(read(missing.clone(), false).is_none());
    let file = read(missing, true).unwrap();
    assert!(file.text.is_err());
    let present = read(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"), false).unwrap();
    assert!(present.text.unwrap().contains("[package]"));
}
