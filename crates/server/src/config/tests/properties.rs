//! What holds for every input.

use std::time::Duration;

use proptest::prelude::*;

use super::super::settings::SETTINGS;
use super::super::units::{parse_duration, parse_size, show_duration, show_size};
use super::*;

/// Keys that are right, or nearly.
fn key() -> impl Strategy<Value = String> {
    let known = (0..SETTINGS.len()).prop_map(|index| SETTINGS[index].key.to_owned());
    prop_oneof![4 => known, 1 => "[a-z.'\"-]{0,12}", 1 => Just("session".to_owned())]
}

/// TOML values of every kind, and some that are not TOML.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "'[0-9]{1,20}(ms|s|m|h|d|w|B|KiB|TiB)?'",
        "'\\PC{0,12}'",
        "\\[('[0-9.:]{0,9}', ?){0,3}\\]",
        "-?[0-9]{0,12}\\.?[0-9]{0,3}",
        Just("true".to_owned()),
        Just("2001-01-01".to_owned()),
        Just("{ a = { b = [[1]] } }".to_owned()),
        "\\PC{0,8}",
    ]
}

proptest! {
    #[test]
    fn no_file_panics(text in any::<String>()) {
        let _ = resolve(&sources().file(&text)).map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_file_of_nearly_right_lines_panics(lines in proptest::collection::vec((key(), value()), 0..8)) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let result = resolve(&sources().file(&text));
        if let Err(errors) = result {
            prop_assert!(!errors.0.is_empty());
            let last = text.lines().count().max(1);
            for error in &errors.0 {
                let Origin::File { line: Some(line), .. } = error.origin else { continue };
                // A value that the text ends in is missed on the line after the last.
                prop_assert!((1..=last + 1).contains(&line), "line {line} of {last}");
            }
        }
    }

    #[test]
    fn no_variable_and_no_flag_panics(
        variables in proptest::collection::vec(("(HEARTH_)?[A-Z_]{0,9}", any::<String>()), 0..4),
        known in (0..SETTINGS.len(), any::<String>()),
        set in proptest::collection::vec((key(), any::<String>()), 0..4),
    ) {
        let mut sources = sources();
        for (name, value) in variables {
            sources = sources.variable(&name, &value);
        }
        sources = sources.variable(&SETTINGS[known.0].variable(), &known.1);
        let args = ConfigArgs {
            set: set.into_iter().map(|(key, value)| format!("{key}={value}")).collect(),
            ..ConfigArgs::default()
        };
        sources.flags = args.assignments();
        let _ = resolve(&sources).map_err(|errors| errors.to_string());
    }

    #[test]
    fn what_is_accepted_can_be_printed_and_loaded(lines in proptest::collection::vec((key(), value()), 0..4)) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        if let Ok(loaded) = resolve(&sources().file(&text)) {
            prop_assert_eq!(sources().file(&loaded.print()).config(), loaded.config);
        }
    }

    #[test]
    fn shown_durations_and_sizes_are_read_as_they_were(millis in any::<u64>(), size in any::<u64>()) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        prop_assert_eq!(parse_size(&show_size(size)), Ok(size));
    }

    #[test]
    fn no_text_of_units_panics(text in "\\PC{0,16}") {
        let _ = (parse_duration(&text), parse_size(&text));
    }
}
