//! No secret is left, whatever is around it; and what is none stays.

use hearth_diagnostics::{MARK, Redactor, secret_name};
use proptest::prelude::*;
use serde_json::{Value, json};

fn redacted(text: &str) -> String {
    Redactor::default().text(text)
}

#[test]
fn values_of_secret_names_are_taken_out_of_lines_as_engines_write_them() {
    for (line, expected) in [
        ("fs.s3a.secret.key=abc/def+1 and more", "fs.s3a.secret.key=(redacted) and more"),
        ("DB_PASSWORD: hunter22", "DB_PASSWORD: (redacted)"),
        (r#"{"access_token": "a b\"c", "n": 1}"#, r#"{"access_token": "(redacted)", "n": 1}"#),
        ("{'apiKey': 'x,y', 'n': 1}", "{'apiKey': '(redacted)', 'n': 1}"),
        ("('spark.x.password', 'hunter22')", "('spark.x.password', '(redacted)')"),
        (r#"Env(db_pwd => "hunter22")"#, r#"Env(db_pwd => "(redacted)")"#),
        (r#"body {\"token\":\"a b c\"} sent"#, r#"body {\"token\":(redacted)} sent"#),
        ("run --api-token abcdef --n 3", "run --api-token (redacted) --n 3"),
        ("sc://localhost:1/;token=abc;session_id=1 x", "sc://localhost:1/;token=(redacted) x"),
        ("https://me:pa@ss@index.example/simple", "https://(redacted)@index.example/simple"),
        ("jdbc:postgresql://me:pw@db/x?ssl=true", "jdbc:postgresql://(redacted)@db/x?ssl=true"),
        ("Authorization: Bearer abcdef.ghi", "Authorization: (redacted)"),
        ("sent bearer abcdef.ghi to it", "sent bearer (redacted) to it"),
        ("got eyJhbGciOiJI.eyJzdWIiOiIx.c2ln!", "got (redacted)!"),
        ("hearth_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.", "(redacted)."),
        ("x\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\ny", "x\n(redacted)\ny"),
        ("-----BEGIN PRIVATE KEY-----\nMIIcut", "(redacted)"),
        ("KeyError: token=abcdef", "KeyError: token=(redacted)"),
        ("a:password=abc", "a:password=(redacted)"),
    ] {
        assert_eq!(redacted(line), expected, "{line}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for line in [
        "2026-11-22 19:48:50 INFO Starting the Spark Connect server on 127.0.0.1:4242",
        "KeyError: 'amount'",
        "the password was wrong and the token has expired",
        "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times",
        "SELECT a, b FROM t WHERE c = 'x' -- by me@example.com",
        "https://index.example/simple/?page=2",
        "PWD=/home/me",
    ] {
        assert_eq!(redacted(line), line);
    }
}

#[test]
fn names_look_secret_however_they_are_written() {
    for name in
        ["PASSWORD", "spark.hadoop.fs.s3a.access.key", "apiKey", "AWS_SECRET_ACCESS_KEY", "x-auth-token"]
    {
        assert!(secret_name(name), "{name}");
    }
    for name in ["spark.app.name", "user", "PWD", "KeyError", "labels", "author"] {
        assert!(!secret_name(name), "{name}");
    }
}

#[test]
fn json_is_redacted_by_its_names_and_what_was_learned_is_taken_out_everywhere() {
    let mut value = json!({
        "properties": {"spark:spark.my.secret": "hunter22", "spark:spark.app.name": "etl hunter22"},
        "keys": [{"id": 7, "value": "abc"}, null],
        "state": "ACTIVE",
    });
    let mut redactor = Redactor::knowing(["the-servers-token".to_owned(), "short".to_owned()]);
    redactor.learn(&value);
    redactor.json(&mut value);
    let expected = json!({
        "properties": {"spark:spark.my.secret": MARK, "spark:spark.app.name": format!("etl {MARK}")},
        "keys": [{"id": MARK, "value": MARK}, null],
        "state": "ACTIVE",
    });
    assert_eq!(value, expected);
    assert_eq!(redactor.text("hunter22 the-servers-token short"), format!("{MARK} {MARK} short"));
}

/// A name with a secret's word somewhere in it.
fn name() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "password",
        "PASSWD",
        "Secret",
        "token",
        "api_key",
        "accessKey",
        "private.key",
        "credentials",
    ]);
    ("([a-z][a-z0-9]{0,6}[._-]?){0,3}", words, "([._-][a-z0-9]{1,6}){0,2}")
        .prop_map(|(before, word, after)| format!("{before}{word}{after}"))
        .prop_filter("names of errors are none of secrets", |name| secret_name(name))
}

/// A secret as programs make them. Capitals at both ends: no part of it is in the text around it by accident.
fn secret() -> impl Strategy<Value = String> {
    "QZ[A-Za-z0-9+/_.~!$%^*-]{6,30}ZQ"
}

/// Text that a secret may stand in: anything on a line, quotes and separators among it.
fn around() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,30}", r#"[a-z:=,;'" \\{}()\[\]@/-]{0,20}"#, "\\PC{0,12}"]
}

/// The ways in which a name and its value are written.
fn written(form: usize, name: &str, secret: &str) -> String {
    match form {
        0 => format!("{name}={secret}"),
        1 => format!("{name}: {secret}"),
        2 => format!("\"{name}\": \"{secret}\""),
        3 => format!("'{name}':'{secret}'"),
        4 => format!("('{name}', '{secret}')"),
        5 => format!("--{name} {secret}"),
        6 => format!("https://host/?a=1&{name}={secret}&b=2"),
        7 => format!("scheme://user:{}@host/path", secret.replace('/', "-")),
        _ => format!("Authorization: Bearer {secret}"),
    }
}

proptest! {
    #[test]
    fn no_secret_survives_in_text(
        before in around(), after in around(), name in name(), secret in secret(), form in 0..9_usize,
    ) {
        let secret = if form == 7 { secret.replace('/', "-") } else { secret };
        // On lines of their own, as logs have them: whoever opens a quote before it hides where a value ends.
        let text = format!("{before}\n{}\n{after}", written(form, &name, &secret));
        let told = redacted(&text);
        prop_assert!(!told.contains(&secret), "{text:?} became {told:?}");
        prop_assert!(told.contains(MARK));
    }

    #[test]
    fn what_stands_around_a_secret_on_its_line_does_not_hide_it(
        before in "[a-z0-9:,;()\\[\\]{}@/ -]{0,20}", name in name(), secret in secret(), form in 0..7_usize,
    ) {
        let text = format!("{before} {}", written(form, &name, &secret));
        let told = redacted(&text);
        prop_assert!(!told.contains(&secret), "{text:?} became {told:?}");
    }

    #[test]
    fn a_known_secret_survives_nowhere(parts in prop::collection::vec("\\PC{0,12}", 1..6), secret in "\\PC{6,20}") {
        prop_assume!(!MARK.contains(&secret) && secret.len() >= 6);
        let text = parts.join(&secret);
        let told = Redactor::knowing([secret.clone()]).text(&text);
        prop_assert!(!told.replace(MARK, "\u{0}").contains(&secret), "{text:?} became {told:?}");
    }

    #[test]
    fn no_secret_survives_in_json(names in prop::collection::vec((name(), secret()), 1..4), deep in 0..4_u8) {
        let members: serde_json::Map<String, Value> =
            names.iter().map(|(name, secret)| (name.clone(), json!([{ "v": secret }]))).collect();
        let last = members.values().map(|value| value[0]["v"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let mut value = (0..deep).fold(Value::Object(members), |inner, _| json!({"in": [inner], "log": last}));
        let mut redactor = Redactor::default();
        redactor.learn(&value);
        redactor.json(&mut value);
        let told = value.to_string();
        prop_assert!(last.iter().all(|secret| !told.contains(secret)), "{told}");
    }

    #[test]
    fn redacting_twice_changes_nothing_more(before in around(), name in name(), secret in secret(), form in 0..9_usize) {
        let once = redacted(&format!("{before}\n{}", written(form, &name, &secret)));
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn any_text_is_taken(text in "\\PC*") {
        redacted(&text);
    }
}
