//! The staging store in directories, and in servers that speak as S3 and Cloud Storage do.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod directory;
mod remote;

use hearth_control::world::{Kept, Staging};
use hearth_core::id::SessionUuid;
use hearth_core::staged::Owner;
use hearth_staging::ObjectStaging;

fn session() -> SessionUuid {
    "0190a3c2-0000-4000-8000-000000000001".parse().unwrap()
}

fn owner(bucket: &str) -> Owner<'_> {
    Owner { session: session(), bucket, history_server: "" }
}

/// The folder of the session in a store.
fn place() -> String {
    let uuid = session();
    format!("google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}")
}

/// What every store does for things of a session with this bucket.
async fn keeps_and_removes(staging: &ObjectStaging, bucket: &str) {
    let owner = owner(bucket);
    staging.keep_output(owner, 10, b"0123456789".to_vec()).await.unwrap();
    staging.keep_output(owner, 20, b"abc".to_vec()).await.unwrap();
    let read = async |offset, limit| {
        let chunk = staging.output(owner, offset, limit).await.unwrap();
        (String::from_utf8(chunk.content).unwrap(), chunk.offset, chunk.next_offset)
    };
    assert_eq!(read(0, 4).await, ("0123".to_owned(), 10, 14), "what came before byte 10 is gone");
    assert_eq!(read(14, 100).await, ("456789".to_owned(), 14, 20));
    assert_eq!(read(20, 100).await, ("abc".to_owned(), 20, 23));
    assert_eq!(read(23, 100).await, (String::new(), 23, 23));

    assert_eq!(staging.diagnostics(owner, 0, 10).await.unwrap(), None);
    staging.keep_diagnostics(owner, b"first".to_vec()).await.unwrap();
    staging.keep_diagnostics(owner, b"an archive".to_vec()).await.unwrap();
    let piece = async |offset, limit| {
        let Kept { content, size } = staging.diagnostics(owner, offset, limit).await.unwrap().unwrap();
        (String::from_utf8(content).unwrap(), size)
    };
    assert_eq!(piece(0, 0).await, (String::new(), 10));
    assert_eq!(piece(3, 100).await, ("archive".to_owned(), 10));
    assert_eq!(piece(99, 100).await, (String::new(), 10));

    staging.remove(owner).await.unwrap();
    assert_eq!(read(14, 100).await, (String::new(), 0, 0));
    assert_eq!(staging.diagnostics(owner, 0, 10).await.unwrap(), None);
    staging.remove(owner).await.unwrap();
}
