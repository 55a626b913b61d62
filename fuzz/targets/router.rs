//! Any path, query and body: refused, or made into the bytes of a message.
#![no_main]

use hearth_wire::json::{Style, encode};
use hearth_wire::parameters::{SystemParameters, parse_query};
use hearth_wire::router::find;
use libfuzzer_sys::fuzz_target;

/// Paths that a seed makes reachable.
const STARTS: [&str; 6] = [
    "",
    "/v1/projects/p/locations/l/sessions",
    "/v1/projects/p/locations/l/sessions/s",
    "/v1/projects/p/locations/l/sessionTemplates",
    "/v1/projects/p/regions/r/operations",
    "/hearth/v1/projects/p/locations/l/sessions/s",
];

fuzz_target!(|input: (u8, &str, &str, &[u8])| {
    let (choice, path, query, body) = input;
    let path = format!("{}{path}", STARTS[usize::from(choice) % STARTS.len()]);
    let taken = SystemParameters::take(parse_query(query), &http::HeaderMap::new());
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let Some(found) = find(method, &path) else { continue };
        if let Ok(wire) = found.request(&taken.rest, body) {
            let _ = encode(found.method.input, &wire, Style::default()).expect("the request is a message");
        }
    }
});
