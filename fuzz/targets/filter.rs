//! Any text as the filter of a list: refused with a position inside of it, or read.
#![no_main]

use hearth_core::filter::{Filter, Schema};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for schema in [Schema::Sessions, Schema::Operations, Schema::Templates] {
        if let Err(error) = Filter::parse(text, schema) {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset));
            assert!(error.to_string().starts_with("Invalid filter: "));
        }
    }
});
