//! What is said when something is wrong.

use super::*;

#[test]
fn all_errors_of_all_sources_are_reported_at_once() {
    let sources = sources()
        .file("statedir = 'x'\n\nmax-body = 5\n[session]\nstop-grce = '1s'\nstop-timeout = 30\n[log]\nformat = 'jsn'\n")
        .variable("HEARTH_AUTH", "nobody")
        .flags(&["--listen", "here", "--listen", ":80", "--set", "a.b=c"]);
    assert_eq!(
        sources.errors(),
        [
            r#"hearth.toml:1: "statedir": there is no such setting -> Did you mean "state-dir"?"#,
            r#"hearth.toml:3: "max-body": 5 has no unit -> Write, for example, "5MiB"."#,
            r#"hearth.toml:5: "session.stop-grce": there is no such setting -> Did you mean "session.stop-grace"?"#,
            r#"hearth.toml:6: "session.stop-timeout": 30 has no unit -> Write, for example, "30s"."#,
            r#"hearth.toml:8: "log.format": "jsn" is not one of text, json -> Did you mean "json"?"#,
            r#"HEARTH_AUTH: "auth": "nobody" is not one of token, none"#,
            r#"--listen: "listen": "here" is not an IP address with a port, such as 127.0.0.1:8470 or [::1]:8470"#,
            r#"--listen: "listen": ":80" is not an IP address with a port, such as 127.0.0.1:8470 or [::1]:8470"#,
            r#"--set a.b: "a.b": there is no such setting -> Run `hearth serve --config-docs reference` to read about every setting."#,
        ]
    );
}

#[test]
fn the_whole_report_reads_well() {
    let errors = resolve(&sources().file("auth = 'Token'\nproject = 'a/b'")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "the configuration has 2 errors\n  \
         hearth.toml:1: \"auth\": \"Token\" is not one of token, none\n    \
         Did you mean \"token\"?\n  \
         hearth.toml:2: \"project\": \"a/b\" has a slash, which parts of resource names cannot have"
    );
}

#[test]
fn every_syntax_error_is_told_with_its_line() {
    let errors = sources().file("a = \nproject = 'x'\nb = 'open\n").variable("HEARTH_AUTH", "x").errors();
    assert_eq!(errors.len(), 3, "{errors:#?}");
    assert!(errors[0].starts_with("hearth.toml:1: not valid TOML: "), "{errors:#?}");
    assert!(errors[1].starts_with("hearth.toml:3: not valid TOML: "), "{errors:#?}");
    assert!(errors[2].starts_with("HEARTH_AUTH: "), "{errors:#?}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_other_errors() {
    let mut sources = sources().flags(&["--auth", "x"]);
    sources.file = Some(FileText { path: PathBuf::from("gone.toml"), text: Err("no such file".to_owned()) });
    let errors = sources.errors();
    assert_eq!(errors[0], "gone.toml: could not read the configuration file: no such file");
    assert_eq!(errors.len(), 2);
}

#[test]
fn an_unknown_section_is_one_error() {
    let errors = sources().file("[sesion]\na = 1\nb = 2\n").errors();
    assert_eq!(errors, [r#"hearth.toml:1: "sesion": there is no such setting -> Did you mean "session"?"#]);
}

#[test]
fn a_key_in_the_wrong_section_is_found() {
    let errors = sources().file("stop_grace = '1s'\n").errors();
    assert_eq!(
        errors,
        [r#"hearth.toml:1: "stop_grace": there is no such setting -> Did you mean "session.stop-grace"?"#]
    );
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    let file =
        "session = 5\nproject = true\nlisten = [1, 'x']\nauth = {}\nlog.filter = []\ncreate-hold = 0.7\n";
    assert_eq!(
        sources().file(file).errors(),
        [
            r#"hearth.toml:1: "session": this is a section, not a setting; found integer -> Write `[session]` above its settings."#,
            r#"hearth.toml:2: "project": expected a name, found a boolean"#,
            r#"hearth.toml:3: "listen": expected an address or a list of them, found the number 1"#,
            r#"hearth.toml:3: "listen": "x" is not an IP address with a port, such as 127.0.0.1:8470 or [::1]:8470"#,
            r#"hearth.toml:4: "auth": expected one of a few words, found a table"#,
            r#"hearth.toml:5: "log.filter": expected log directives, found an array"#,
            r#"hearth.toml:6: "create-hold": ".7" is not a unit; there are w, d, h, m, s, ms -> Write, for example, "1h30m"."#,
        ]
    );
}

#[test]
fn a_bare_number_of_bytes_is_offered_in_units() {
    let errors = sources().file("max-body = 33554432").errors();
    assert!(errors[0].ends_with(r#"Write, for example, "32MiB"."#), "{errors:?}");
}

#[test]
fn the_same_setting_twice_on_a_command_line_is_refused() {
    let errors = sources().flags(&["--auth", "token", "--set", "auth=none", "--set", "project"]).errors();
    assert_eq!(
        errors,
        [
            r#"--set auth: "auth": this was already set by --auth"#,
            r#"--set project: "project": expected KEY=VALUE -> Write, for example, `--set session.stop-grace=10s`."#,
        ]
    );
}

#[test]
fn a_quoted_key_with_a_dot_is_the_same_setting() {
    let errors = sources().file("'log.format' = 'text'\nlog.format = 'json'").errors();
    assert!(errors[0].contains("this was already set by hearth.toml:"), "{errors:?}");
}

#[test]
fn without_authentication_only_this_machine_gets_in() {
    for listen in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(resolve(&sources().flags(&["--auth", "none", "--listen", listen])).is_ok(), "{listen}");
    }
    for listen in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1"] {
        let sources = sources().file("auth = 'none'").flags(&["--listen", listen, "--listen", "127.0.0.1:2"]);
        let expected = format!(
            "hearth.toml:1: \"auth\": \"none\" is for nobody but this machine, and {listen} can be reached from others \
             -> Listen on loopback addresses only, such as 127.0.0.1 and [::1], or set auth to \"token\"."
        );
        assert_eq!(sources.errors(), [expected]);
    }
}

#[test]
fn addresses_are_at_least_one_and_none_twice() {
    assert_eq!(
        sources().file("listen = []").errors(),
        [
            r#"hearth.toml:1: "listen": there is no address -> Give at least one address, such as "127.0.0.1:8470"."#
        ]
    );
    assert_eq!(
        sources().flags(&["--listen", "[::1]:1,[::1]:1"]).errors(),
        [r#"--listen: "listen": [::1]:1 is given more than once -> Leave one of them out."#]
    );
}

#[test]
fn ttl_defaults_keep_to_the_bounds_of_the_api() {
    for key in ["session.default-ttl", "session.default-idle-ttl"] {
        for (value, fine) in [("10m", true), ("14d", true), ("599s", false), ("14d1ms", false)] {
            let sources = sources().flags(&["--set", &format!("{key}={value}")]);
            assert_eq!(resolve(&sources).is_ok(), fine, "{key}={value}");
        }
    }
    let errors = sources().flags(&["--set", "session.default-ttl=1m"]).errors();
    assert_eq!(
        errors,
        [r#"--set session.default-ttl: "session.default-ttl": 1m is not between 10m and 14d"#]
    );
}

#[test]
fn a_conflict_blames_the_setting_that_somebody_set() {
    let errors = sources().variable("HEARTH_SESSION_STOP_TIMEOUT", "3s").errors();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].starts_with(
            r#"HEARTH_SESSION_STOP_TIMEOUT: "session.stop-timeout": does not go with "session.stop-grace": 5s is not"#
        ),
        "{errors:?}"
    );
    let errors = sources().file("projects = ['etl']").errors();
    assert!(errors[0].starts_with(r#"hearth.toml:1: "projects": does not go with "project""#), "{errors:?}");
    let errors = sources().file("locations = ['europe-west1']").errors();
    assert!(
        errors[0].starts_with(r#"hearth.toml:1: "locations": does not go with "default-location""#),
        "{errors:?}"
    );
}

#[test]
fn a_value_that_is_wrong_by_itself_is_not_compared_with_others() {
    let errors = sources().file("session.stop-timeout = '0s'").errors();
    assert_eq!(errors, [r#"hearth.toml:1: "session.stop-timeout": 0s is not between 1s and 1h"#]);
}

#[test]
fn without_a_home_the_directories_must_be_given() {
    let mut sources = Sources::default();
    let errors = sources.errors();
    assert_eq!(errors.len(), 2);
    assert_eq!(
        errors[0],
        r#"default: "state-dir": there is no default, as the home directory is not known -> Set it to a path, or set HOME."#
    );
    sources = sources.file("state-dir = '/s'\nruntimes.dir = 'r'");
    assert_eq!(
        sources.errors(),
        [r#"hearth.toml:2: "runtimes.dir": "r" is relative, and the working directory is not known"#]
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut sources = sources();
    sources.environment.push(("HEARTH_STATE_DIR".to_owned(), std::ffi::OsString::from_vec(vec![0xff])));
    assert_eq!(sources.errors(), [r#"HEARTH_STATE_DIR: "state-dir": the value is not Unicode text"#]);
}
