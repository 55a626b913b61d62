//! Any bytes as the stream of an `AddArtifacts` call: however it is cut, the same passes and the same lists are taken.
#![no_main]

use bytes::Bytes;
use hearth_gateway::Refusal;
use hearth_gateway::artifacts::{CONTENT_LIMIT, List, Splitter, packages};
use libfuzzer_sys::fuzz_target;

fn split(stream: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<List>), Refusal> {
    let (mut splitter, mut passed) = (Splitter::default(), Vec::<Bytes>::new());
    for part in stream.chunks(piece) {
        splitter.push(Bytes::copy_from_slice(part), &mut passed)?;
    }
    splitter.end(&mut passed)?;
    Ok((passed.concat(), splitter.lists().to_vec()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    let whole = split(stream, stream.len().max(1));
    assert_eq!(whole, split(stream, usize::from(piece) + 1));
    let Ok((passed, lists)) = whole else { return };
    if lists.is_empty() {
        assert_eq!(passed, stream);
    }
    assert!(lists.iter().map(|list| list.content.len()).sum::<usize>() <= CONTENT_LIMIT);
    for list in &lists {
        assert!(list.name.starts_with("files/add-artifacts-1729-") && list.name.ends_with(".json"));
        let _ = packages(list);
    }
});
