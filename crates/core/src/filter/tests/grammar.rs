//! What is read, and how, and where it goes wrong.

use crate::filter::FilterError;
use crate::filter::syntax::{MAX_DEPTH, MAX_RESTRICTIONS, parse};

/// How a filter was understood, every And and Or spelled out.
fn read(text: &str) -> String {
    parse(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .map_or_else(String::new, |ast| ast.to_string())
}

fn refused(text: &str) -> String {
    let error = parse(text).map(|ast| ast.map(|ast| ast.to_string())).unwrap_err();
    error.to_string()
}

#[test]
fn an_empty_filter_is_none() {
    for text in ["", " ", "\n\t "] {
        assert_eq!(parse(text), Ok(None));
    }
}

#[test]
fn both_cases_of_and_or_and_not_are_operators() {
    for (written, meant) in [
        ("a = 1 AND b = 2", "a = 1 AND b = 2"),
        ("a = 1 and b = 2", "a = 1 AND b = 2"),
        ("a = 1 OR b = 2", "a = 1 OR b = 2"),
        ("a = 1 or b = 2", "a = 1 OR b = 2"),
        ("NOT a = 1", "NOT a = 1"),
        ("not a = 1", "NOT a = 1"),
        ("NOT(a = 1)", "NOT a = 1"),
        ("-a = 1", "NOT a = 1"),
        ("-(a = 1 b = 2)", "NOT (a = 1 AND b = 2)"),
    ] {
        assert_eq!(read(written), meant, "{written}");
    }
    // A word that only begins like an operator is a name.
    assert_eq!(read("order=1 android=2 nothing=3"), "order = 1 AND android = 2 AND nothing = 3");
    assert_eq!(
        refused("a = 1 And b = 2"),
        "Invalid filter: 'And' is not compared with anything at position 7"
    );
}

#[test]
fn juxtaposition_means_and() {
    assert_eq!(read("a = 1 b = 2"), "a = 1 AND b = 2");
    assert_eq!(read("a = 1 b = 2 AND c = 3"), "a = 1 AND b = 2 AND c = 3");
    assert_eq!(read("(a=1)(b=2)-c=3"), "a = 1 AND b = 2 AND NOT c = 3");
}

#[test]
fn or_binds_tighter_than_and() {
    assert_eq!(read("a=1 AND (b=2 OR c=3)"), read("a=1 AND b=2 OR c=3"));
    assert_eq!(read("a=1 OR b=2 c=3"), "a = 1 OR b = 2 AND c = 3");
    assert_eq!(read("(a=1 AND b=2) OR c=3"), "(a = 1 AND b = 2) OR c = 3");
    assert_eq!(read("NOT a=1 OR b=2"), "NOT a = 1 OR b = 2");
}

#[test]
fn every_comparator_is_read_with_and_without_white_space() {
    for comparator in ["=", "!=", "<", "<=", ">", ">=", ":"] {
        let meant = format!("a {comparator} 1");
        assert_eq!(read(&meant), meant);
        assert_eq!(read(&format!("a{comparator}1")), meant);
        assert_eq!(read(&format!(" a  {comparator}\n1 ")), meant);
    }
}

#[test]
fn values_are_text_or_strings_in_either_quote_with_escapes() {
    for (written, meant) in [
        ("a = \"x y\"", "a = \"x y\""),
        ("a = 'x y'", "a = \"x y\""),
        ("a = 'it\"s'", "a = \"it\\\"s\""),
        (r#"a = "q\"q\\\'""#, r#"a = "q\"q\\'""#),
        (r#"a = "t\tn\n""#, "a = \"t\tn\n\""),
        ("a = \"\"", "a = \"\""),
        ("a = \"AND\"", "a = \"AND\""),
        ("a = \"plain\"", "a = plain"),
        ("a = 2023-01-01T00:00:00.5Z", "a = \"2023-01-01T00:00:00.5Z\""),
        ("a = projects/p/locations/l", "a = \"projects/p/locations/l\""),
        ("a = -1", "a = -1"),
        ("a = ünï", "a = \"ünï\""),
    ] {
        assert_eq!(read(written), meant, "{written}");
    }
}

#[test]
fn a_star_at_the_end_of_a_value_makes_it_a_prefix() {
    assert_eq!(read("a = x*"), "a = x*");
    assert_eq!(read("a = \"x y*\""), "a = \"x y*\"");
    assert_eq!(read("a:*"), "a : \"*\"");
    assert_eq!(read(r#"a = "x\*""#), r#"a = "x\*""#);
    assert_eq!(read(r#"a = "x\**""#), r#"a = "x\**""#);
    assert_eq!(refused("a = *x"), "Invalid filter: '*' can only stand at the end of a value at position 5");
    assert_eq!(
        refused("a = \"x*y\""),
        "Invalid filter: '*' can only stand at the end of a value at position 7"
    );
}

#[test]
fn fields_may_have_several_segments_and_quoted_ones() {
    assert_eq!(read("labels.my-key=1"), "labels.my-key = 1");
    assert_eq!(read("labels.\"a b\"=1"), "labels.\"a b\" = 1");
    assert_eq!(read("labels.'k' = 1"), "labels.k = 1");
    assert_eq!(read("labels.and = 1"), "labels.and = 1");
    assert_eq!(read("a.b.c = 1"), "a.b.c = 1");
}

#[test]
fn a_filter_that_does_not_fit_the_grammar_is_refused_with_its_position() {
    for (text, problem) in [
        ("foo", "'foo' is not compared with anything at position 1"),
        ("a = 1 foo", "'foo' is not compared with anything at position 7"),
        ("\"foo\"", "expected a field name, found '\"' at position 1"),
        ("a =", "expected a value, the filter ends at position 4"),
        ("a = ", "expected a value, the filter ends at position 5"),
        ("a = AND b = 1", "expected a value, found 'AND' at position 5"),
        ("a = )", "expected a value, found ')' at position 5"),
        ("a == 1", "expected a value, found '=' at position 4"),
        ("a ! 1", "'a' is not compared with anything at position 1"),
        ("= 1", "expected a field name, found '=' at position 1"),
        ("AND a = 1", "expected a field name, found 'AND' at position 1"),
        ("a = 1 AND", "expected a field name, the filter ends at position 10"),
        ("a = 1 AND AND b = 2", "expected a field name, found 'AND' at position 11"),
        ("a = 1 OR", "expected a field name, the filter ends at position 9"),
        ("NOT NOT a = 1", "expected a field name, found 'NOT' at position 5"),
        ("NOT", "expected a field name, the filter ends at position 4"),
        ("(a = 1", "unclosed '(' at position 1"),
        ("a = 1)", "unmatched ')' at position 6"),
        ("()", "expected a field name, found ')' at position 2"),
        ("a. = 1", "expected a field name after '.', found white space at position 3"),
        ("a.\"k*\" = 1", "a field name cannot end with '*' at position 1"),
        ("a = \"x", "unclosed string at position 5"),
        ("a = \"x\\", "unfinished escape '\\' at position 7"),
        ("a = \"\\q\"", "unknown escape '\\q' at position 6"),
        ("a = 1, b = 2", "expected a field name, found ',' at position 6"),
        ("f(a)", "'f' is not compared with anything at position 1"),
    ] {
        assert_eq!(refused(text), format!("Invalid filter: {problem}"), "{text}");
    }
}

#[test]
fn positions_are_counted_in_characters_and_in_bytes() {
    let error = parse("a = \"äöü\" foo").unwrap_err();
    let problem = "'foo' is not compared with anything".to_owned();
    assert_eq!(error, FilterError { problem, position: 11, offset: 13 });
}

#[test]
fn nesting_and_length_have_limits() {
    let nested = |depth: usize| format!("{}a=1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(read(&nested(MAX_DEPTH)), "a = 1");
    let position = MAX_DEPTH + 1;
    assert_eq!(
        refused(&nested(100_000)),
        format!("Invalid filter: more than {MAX_DEPTH} nested parentheses at position {position}")
    );
    assert!(parse(&"a=1 ".repeat(MAX_RESTRICTIONS)).is_ok());
    assert_eq!(
        refused(&"a=1 ".repeat(MAX_RESTRICTIONS + 1)),
        format!(
            "Invalid filter: more than {MAX_RESTRICTIONS} comparisons at position {}",
            4 * MAX_RESTRICTIONS + 1
        )
    );
}

#[test]
fn what_a_client_sent_is_not_echoed_without_bound() {
    assert!(refused(&"x".repeat(100_000)).len() < 200);
}
