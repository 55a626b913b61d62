//! Any text as the mask of an answer, over any message: the answer is JSON all the same.
#![no_main]

use hearth_wire::json::{Style, encode};
use hearth_wire::mask::Mask;
use hearth_wire::schema::schema;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (text, wire) = input;
    for name in ["google.cloud.dataproc.v1.ListSessionsResponse", "google.longrunning.Operation"] {
        let ty = schema().message(name).expect("the type is in proto/");
        let Ok(mask) = Mask::parse(text, ty) else { continue };
        if let Ok(written) = encode(ty, wire, Style { mask: Some(&mask), ..Style::default() }) {
            serde_json::from_slice::<serde_json::Value>(&written).expect("what is written is JSON");
        }
    }
});
