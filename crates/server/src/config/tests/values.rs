//! What values look like.

use std::time::Duration;

use super::super::units::{UnitError, parse_duration, parse_size, show_duration, show_size};
use super::*;

#[test]
fn durations_have_units_from_large_to_small() {
    let seconds =
        [("0s", 0), ("30s", 30), ("1h30m", 5400), ("14d", 1_209_600), ("2w", 1_209_600), (" 1d1s ", 86_401)];
    for (text, expected) in seconds {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs(expected)), "{text}");
    }
    assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1500)));
}

#[test]
fn what_is_no_duration_is_refused_with_the_reason() {
    assert_eq!(parse_duration(""), Err(UnitError::Empty));
    assert_eq!(parse_duration("30"), Err(UnitError::NoUnit { number: "30".to_owned() }));
    assert_eq!(parse_duration("1h30"), Err(UnitError::NoUnit { number: "30".to_owned() }));
    assert_eq!(parse_duration("-1s"), Err(UnitError::NoNumber { rest: "-1s".to_owned() }));
    assert_eq!(parse_duration("30m1h"), Err(UnitError::Order));
    assert_eq!(parse_duration("1s1s"), Err(UnitError::Order));
    assert_eq!(parse_duration("99999999999999999999s"), Err(UnitError::TooLarge));
    assert_eq!(parse_duration("18446744073709551615w"), Err(UnitError::TooLarge));
    for (text, unit) in [("1.5h", ".5h"), ("5 s", " s"), ("5sec", "sec"), ("1H", "H"), ("1é", "é")] {
        let Err(UnitError::UnknownUnit { unit: found, .. }) = parse_duration(text) else { panic!("{text}") };
        assert_eq!(found, unit, "{text}");
    }
}

#[test]
fn sizes_have_one_unit() {
    for (text, expected) in [("0B", 0), ("16MiB", 16 << 20), ("1GB", 1_000_000_000), ("1TiB", 1 << 40)] {
        assert_eq!(parse_size(text), Ok(expected), "{text}");
    }
    assert_eq!(parse_size("16"), Err(UnitError::NoUnit { number: "16".to_owned() }));
    assert_eq!(parse_size("18446744073709551615TiB"), Err(UnitError::TooLarge));
    assert!(matches!(parse_size("1MiB1KiB"), Err(UnitError::UnknownUnit { .. })));
    assert!(matches!(parse_size("16mb"), Err(UnitError::UnknownUnit { .. })));
}

#[test]
fn values_are_shown_in_the_largest_units_that_fit() {
    let millis = [(0, "0s"), (700, "700ms"), (90_000, "1m30s"), (86_400_000, "1d"), (1_209_600_000, "14d")];
    for (value, expected) in millis {
        assert_eq!(show_duration(Duration::from_millis(value)), expected);
    }
    for (value, expected) in
        [(0, "0B"), (1001, "1001B"), (1536, "1536B"), (16 << 20, "16MiB"), (1 << 40, "1TiB")]
    {
        assert_eq!(show_size(value), expected);
    }
}

#[test]
fn paths_become_absolute() {
    let at = |path: &str| sources().flags(&["--state-dir", path]).config().state_dir;
    assert_eq!(at("state"), PathBuf::from("/work/state"));
    assert_eq!(at("./state/"), PathBuf::from("/work/state"));
    assert_eq!(at("~/state"), PathBuf::from("/home/ann/state"));
    assert_eq!(at("/srv//state"), PathBuf::from("/srv/state"));
    let errors = sources().file("state-dir = '$HOME/state'").errors();
    assert!(errors[0].ends_with("starts with a variable, and variables are not filled in"), "{errors:?}");
}

#[test]
fn buckets_have_an_address_each_and_are_named_once() {
    let at = |flag: &str| sources().flags(&["--set", flag]);
    let buckets = at("staging.buckets=team-blue=s3://blue/x,red=file:///srv/a=b").config().staging_buckets;
    let expected = [("red", "file:///srv/a=b"), ("team-blue", "s3://blue/x")];
    let expected = expected.map(|(bucket, uri)| (bucket.to_owned(), uri.to_owned()));
    assert_eq!(buckets.into_iter().collect::<Vec<_>>(), expected);
    for (wrong, told) in [
        ("team-blue", "is not a bucket with an address"),
        ("=s3://x", "is not a bucket with an address"),
        ("gs://b=s3://x", "is not a bucket with an address"),
        ("blue=blue", "is not an address"),
        ("b=s3://x,b=s3://y", "the bucket \"b\" is given more than once"),
    ] {
        let errors = at(&format!("staging.buckets={wrong}")).errors();
        assert!(errors[0].contains(told), "{wrong}: {errors:?}");
    }
}

#[test]
fn a_list_is_an_array_in_a_file_and_has_commas_elsewhere() {
    let expected: Vec<std::net::SocketAddr> = ["127.0.0.1:1", "[::1]:2"].map(|a| a.parse().unwrap()).to_vec();
    let all = [
        sources().file("listen = ['127.0.0.1:1', '[::1]:2']"),
        sources().variable("HEARTH_LISTEN", "127.0.0.1:1, [::1]:2"),
        sources().flags(&["--listen", "127.0.0.1:1", "--listen", "[::1]:2"]),
        sources().flags(&["--set", "listen=127.0.0.1:1,[::1]:2"]),
    ];
    for sources in all {
        assert_eq!(sources.config().listen, expected);
    }
    assert_eq!(sources().file("listen = '127.0.0.1:1'").config().listen, expected[..1]);
}

#[test]
fn advertised_addresses_are_hosts_with_ports() {
    let advertise =
        |value: &str| resolve(&sources().flags(&["--advertise", value])).map(|l| l.config.advertise);
    for value in ["spark.example.com:443", "[::1]:8470", "10.0.0.1:80"] {
        assert_eq!(advertise(value).unwrap().as_deref(), Some(value));
    }
    for value in ["spark.example.com", "http://spark.example.com:1", "a:0", "a:99999", ":80", "me@a:80"] {
        assert!(advertise(value).is_err(), "{value}");
    }
}
