//! Any words must be parsed, or refused, without a panic: the grammar, the cursors and the body.
//!
//! Run with `cargo +nightly fuzz run words` in `crates/cli`.
#![no_main]

use hearth_cli::grammar::{self, Command};
use hearth_cli::problem::{Findings, report};
use hearth_cli::sources::Nothing;
use hearth_cli::{api, body, completion, request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<String>)| {
    let (choice, words) = input;
    let method = &api::methods()[usize::from(choice) % api::methods().len()];
    let mut findings = Findings::default();
    if let Some(at) = method.request {
        body::build(at, &words, choice % 2 == 0, None, &mut Nothing, &mut findings);
        let _ = report(&findings.problems);
    }
    let mut line = vec!["projects".to_owned(), method.command.to_owned()];
    line.extend(words);
    if let Ok(invocation) = grammar::parse(&line, &|_| None)
        && let Command::Call(call) = &invocation.command
    {
        let mut findings = Findings::default();
        let request = request::build(call, &invocation.options, &mut Nothing, &mut findings);
        assert!(request.target().starts_with("/v1/"));
    }
    let _ = completion::answer(&line);
});
