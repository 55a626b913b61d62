//! Any text as a name or an id: what is read is written the same.
#![no_main]

use hearth_core::id::RequestId;
use hearth_core::name::{OperationName, Parent, SessionName};
use hearth_core::template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<SessionName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(parent) = text.parse::<Parent>() {
        assert_eq!(parent.to_string(), text);
    }
    let _ = text.parse::<OperationName>();
    let _ = Parent::parse_of_operations(text);
    if let Ok(id) = text.parse::<RequestId>() {
        assert_eq!(id.as_str(), text);
    }
    let _ = SessionName::check_id(text);
    let parent: Parent = "projects/p/locations/l".parse().expect("a parent");
    let _ = template::resolve(text, &parent);
});
