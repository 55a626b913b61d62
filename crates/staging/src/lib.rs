//! The staging store: what is to outlive engines, kept as objects.
//!
//! Behind the [`Staging`] trait of control; knows sessions by their uuid only, and nothing of engines. The layout is
//! that of the hosted service (contract, section 5.8):
//!
//! ```text
//! google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}/driveroutput.000000000    from the first byte on
//!                                                                 driveroutput.008388608    from that byte on
//! ```
//!
//! Start reading at [`ObjectStaging`].

use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use hearth_control::world::{Staging, StagingError};
use hearth_core::id::SessionUuid;
use hearth_core::staged;
use hearth_driver::LogChunk;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

/// Objects in a directory, or wherever `object_store` reaches.
#[derive(Debug, Clone)]
pub struct ObjectStaging {
    store: Arc<dyn ObjectStore>,
    root: Path,
    uri: String,
}

/// Why there can be no staging store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error("\"{uri}\" is not the address of a staging store")]
    Address {
        /// What was given.
        uri: String,
        /// What is wrong with it.
        #[source]
        source: url::ParseError,
    },
    /// No such kind of store, or not in this build.
    #[error("cannot use \"{uri}\" as the staging store")]
    Unsupported {
        /// What was given.
        uri: String,
        /// Why not.
        #[source]
        source: object_store::Error,
    },
    /// The directory cannot be had.
    #[error("could not make the directory of the staging store, \"{dir}\"")]
    Directory {
        /// Which.
        dir: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ObjectStaging {
    /// A store in a directory, which is made if it is not there, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_directory(dir: &FilePath) -> Result<Self, OpenError> {
        let shown = dir.display().to_string();
        let directory = |source| OpenError::Directory { dir: shown.clone(), source };
        make_private(dir).map_err(directory)?;
        let store = LocalFileSystem::new_with_prefix(dir)
            .map_err(|source| OpenError::Unsupported { uri: shown.clone(), source })?
            .with_automatic_cleanup(true);
        let whole = dir.canonicalize().map_err(directory)?;
        let uri = Url::from_directory_path(&whole).map_or(shown.clone(), String::from);
        let uri = uri.trim_end_matches('/').to_owned();
        Ok(Self { store: Arc::new(store), root: Path::default(), uri })
    }

    /// The store at an address: `file:///DIRECTORY`, and what else this build has (`s3://`, `gs://`). `options` are
    /// names and values as in the environment, such as `AWS_REGION`.
    ///
    /// # Errors
    /// When there is no such store, or none in this build.
    pub fn at(uri: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Self, OpenError> {
        let url = Url::parse(uri).map_err(|source| OpenError::Address { uri: uri.to_owned(), source })?;
        if let ("file", Ok(dir)) = (url.scheme(), url.to_file_path()) {
            return Self::in_directory(&dir);
        }
        let options = options.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, root) = object_store::parse_url_opts(&url, options)
            .map_err(|source| OpenError::Unsupported { uri: uri.to_owned(), source })?;
        Ok(Self { store: store.into(), root, uri: uri.trim_end_matches('/').to_owned() })
    }

    /// Its address, without a slash at the end.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The objects of a session.
    fn folder(&self, session: SessionUuid) -> Path {
        staged::folder(session).split('/').fold(self.root.clone(), |folder, part| folder.join(part))
    }

    /// The pieces of a session's output by their first byte, with their lengths.
    async fn pieces(&self, session: SessionUuid) -> Result<Vec<(u64, u64, Path)>, object_store::Error> {
        let folder = self.folder(session);
        let objects: Vec<_> = self.store.list(Some(&folder)).try_collect().await?;
        let mut pieces: Vec<_> = objects
            .into_iter()
            .filter_map(|object| {
                let start = object
                    .location
                    .filename()?
                    .strip_prefix(staged::OUTPUT)?
                    .strip_prefix('.')?
                    .parse()
                    .ok()?;
                Some((start, object.size, object.location))
            })
            .collect();
        pieces.sort();
        Ok(pieces)
    }
}

#[async_trait]
impl Staging for ObjectStaging {
    async fn keep_output(
        &self,
        session: SessionUuid,
        offset: u64,
        content: Vec<u8>,
    ) -> Result<(), StagingError> {
        let path = self.folder(session).join(format!("{}.{offset:09}", staged::OUTPUT));
        let put = self.store.put(&path, content.into()).await;
        put.map(drop).map_err(StagingError::because("keep the output of a session"))
    }

    async fn output(
        &self,
        session: SessionUuid,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk, StagingError> {
        let failed = StagingError::because("read the output of a session");
        let pieces = match self.pieces(session).await {
            Ok(pieces) => pieces,
            Err(error) => return Err(failed(error)),
        };
        // The first piece that has anything from the offset on; a gap before it is told by the answer's offset.
        let Some((start, size, path)) = pieces.iter().find(|(start, size, _)| start + size > offset) else {
            let end = pieces.last().map_or(0, |(start, size, _)| start + size);
            return Ok(LogChunk {
                content: Vec::new(),
                offset: offset.min(end),
                next_offset: offset.min(end),
            });
        };
        let from = offset.max(*start);
        let to = start.saturating_add(*size).min(from.saturating_add(limit as u64));
        let content = match self.store.get_range(path, from - start..to - start).await {
            Ok(content) => content.to_vec(),
            Err(error) => return Err(failed(error)),
        };
        Ok(LogChunk { next_offset: from + content.len() as u64, content, offset: from })
    }

    async fn remove(&self, session: SessionUuid) -> Result<(), StagingError> {
        let folder = self.folder(session);
        let remove = async {
            let objects: Vec<_> = self.store.list(Some(&folder)).try_collect().await?;
            for object in objects {
                match self.store.delete(&object.location).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        remove.await.map_err(StagingError::because("remove what is kept of a session"))
    }
}

fn make_private(dir: &FilePath) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> SessionUuid {
        "0190a3c2-0000-4000-8000-000000000001".parse().unwrap()
    }

    #[tokio::test]
    async fn output_is_read_piece_by_piece_from_any_byte_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let staging = ObjectStaging::in_directory(&dir.path().join("staging")).unwrap();
        staging.keep_output(session(), 10, b"0123456789".to_vec()).await.unwrap();
        staging.keep_output(session(), 20, b"abc".to_vec()).await.unwrap();
        let read = async |offset, limit| {
            let chunk = staging.output(session(), offset, limit).await.unwrap();
            (String::from_utf8(chunk.content).unwrap(), chunk.offset, chunk.next_offset)
        };
        assert_eq!(read(0, 4).await, ("0123".to_owned(), 10, 14), "what came before byte 10 is gone");
        assert_eq!(read(14, 100).await, ("456789".to_owned(), 14, 20));
        assert_eq!(read(20, 100).await, ("abc".to_owned(), 20, 23));
        assert_eq!(read(23, 100).await, (String::new(), 23, 23));
        staging.remove(session()).await.unwrap();
        assert_eq!(read(14, 100).await, (String::new(), 0, 0));
        staging.remove(session()).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_address_leads_to_the_layout_of_the_hosted_service() {
        let dir = tempfile::tempdir().unwrap();
        let root = Url::from_directory_path(dir.path().canonicalize().unwrap()).unwrap();
        let staging = ObjectStaging::at(root.as_str(), []).unwrap();
        assert_eq!(format!("{}/", staging.uri()), root.as_str());
        staging.keep_output(session(), 0, b"x".to_vec()).await.unwrap();
        let uuid = session();
        let place = format!("google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}");
        assert!(dir.path().join(place).join("driveroutput.000000000").is_file());
    }

    #[test]
    fn an_address_without_a_store_is_refused() {
        assert!(matches!(ObjectStaging::at("no address", []), Err(OpenError::Address { .. })));
        assert!(matches!(ObjectStaging::at("ftp://x/y", []), Err(OpenError::Unsupported { .. })));
    }
}
