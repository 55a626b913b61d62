//! The compiled-in table against the facts it is made from.

#[path = "../../../../xtask/src/surface.rs"]
mod surface;

use hearth_cli::api;

#[test]
fn the_generated_table_is_current() {
    surface::run(&["--check".to_owned()]).expect("run `cargo run -p xtask -- surface`");
}

#[test]
fn every_field_and_parameter_says_what_it_means() {
    for method in api::methods() {
        assert!(!method.about.is_empty(), "{}", method.id);
        for param in method.positionals.iter().chain(method.query).chain(api::common_params()) {
            assert!(!param.about.is_empty(), "{} {}", method.id, param.json);
        }
        for field in method.body().map_or(&[][..], |schema| schema.fields) {
            assert!(!field.about.is_empty(), "{} {}", method.id, field.json);
        }
    }
}
