//! Random words: nothing panics, and what is accepted has the form it should have.

use hearth_cli::grammar::{self, Command};
use hearth_cli::problem::{Findings, report};
use hearth_cli::sources::Nothing;
use hearth_cli::{api, body, request};
use proptest::prelude::*;

/// Words that are nearly right: pieces of paths, dots, marks, values.
fn word() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just("=".to_owned()),
        Just(":=".to_owned()),
        Just("+".to_owned()),
        Just("last".to_owned()),
        Just("{}".to_owned()),
        Just("[{}]".to_owned()),
        Just("null".to_owned()),
        Just("-".to_owned()),
        Just("é".to_owned()),
        "[0-9]{1,3}",
        prop::sample::select(
            &["environment-config", "execution-config", "ttl", "labels", "jobs", "config"][..]
        )
        .prop_map(str::to_owned),
        prop::sample::select(
            &["initialization-actions", "bindings", "policy", "args", "user", "spark-job"][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,5}",
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_words_after_r_make_the_program_panic(at in 0..api::methods().len(), words in prop::collection::vec(word(), 0..12), lenient: bool) {
        let method = &api::methods()[at];
        let Some(schema) = method.request else { return Ok(()) };
        let mut findings = Findings::default();
        let built = body::build(schema, &words, lenient, None, &mut Nothing, &mut findings);
        prop_assert!(built.value.is_object());
        let _ = report(&findings.problems);
    }

    #[test]
    fn no_command_line_makes_the_program_panic(at in 0..api::methods().len(), words in prop::collection::vec(word(), 0..12)) {
        let mut line = vec!["projects".to_owned(), api::methods()[at].command.to_owned()];
        line.extend(words);
        if let Ok(invocation) = grammar::parse(&line, &|_| None)
            && let Command::Call(call) = &invocation.command
        {
            let mut findings = Findings::default();
            let request = request::build(call, &invocation.options, &mut Nothing, &mut findings);
            prop_assert!(request.target().starts_with("/v1/"));
            prop_assert!(request.target().is_ascii());
        }
    }

    #[test]
    fn an_assignment_never_moves_the_cursor(words in prop::collection::vec("[a-z.-]{1,12}=x", 1..6)) {
        let at = api::method("locations-sessions-create").and_then(|method| method.request).expect("known");
        let mut all = vec!["environment-config.execution-config".to_owned()];
        all.extend(words);
        for (path, _) in body::walk(at, &all) {
            prop_assert_eq!(path, "environment-config.execution-config");
        }
    }
}
