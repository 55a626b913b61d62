//! Any bytes as a body: refused, or read into a message whose JSON reads back as the same message.
#![no_main]

use hearth_wire::json::{Style, decode, encode};
use hearth_wire::schema::schema;
use libfuzzer_sys::fuzz_target;

const TYPES: [&str; 4] = [
    "google.cloud.dataproc.v1.Session",
    "google.cloud.dataproc.v1.SessionTemplate",
    "google.longrunning.Operation",
    "google.rpc.Status",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, text) = input;
    let ty = schema().message(TYPES[usize::from(choice) % TYPES.len()]).expect("the type is in proto/");
    let Ok(wire) = decode(ty, text, "body") else { return };
    let pretty = choice >= 128;
    // A packed message nested too deeply may be refused, and nothing else.
    let Ok(written) = encode(ty, &wire, Style { pretty, ..Style::default() }) else { return };
    serde_json::from_slice::<serde_json::Value>(&written).expect("what is written is JSON");
    let again = decode(ty, &written, "body").expect("what is written can be read");
    let rewritten = encode(ty, &again, Style { pretty, ..Style::default() }).expect("and be written again");
    assert_eq!(written, rewritten);
});
