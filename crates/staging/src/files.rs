//! Files beside the output: event logs, and records written over REST. Removed with everything else of their session.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use hearth_control::world::StagingError;
use hearth_core::staged::Owner;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use crate::{ObjectStaging, failed};

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name in its folder.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

impl ObjectStaging {
    /// Keeps a file of this machine under a name in a folder of the session.
    ///
    /// # Errors
    /// When it cannot be read, or not be kept.
    pub async fn keep_file(
        &self,
        owner: Owner<'_>,
        folder: &str,
        name: &str,
        file: &FilePath,
    ) -> Result<(), StagingError> {
        let place = self.folder(owner)?;
        let copied = copy_in(place.store, place.path.join(folder).join(name), file).await;
        copied.map_err(StagingError::because(format!("keep a file of a session in \"{}\"", place.uri)))
    }

    /// Puts a copy of a file of this machine where others than us look for it, under a name at an address. It is theirs
    /// from then on: nothing here removes it.
    ///
    /// # Errors
    /// When it cannot be read or put there, or the address is none.
    pub async fn give_file(&self, uri: &str, name: &str, file: &FilePath) -> Result<(), StagingError> {
        let place = self.opened(uri)?;
        let copied = copy_in(place.store, place.root.join(name), file).await;
        copied.map_err(StagingError::because(format!("put a file of a session into \"{uri}\"")))
    }

    /// Keeps a few bytes under a name in a folder of the session.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub async fn keep_bytes(
        &self,
        owner: Owner<'_>,
        folder: &str,
        name: &str,
        content: Vec<u8>,
    ) -> Result<(), StagingError> {
        let place = self.folder(owner)?;
        let put = place.store.put(&place.path.join(folder).join(name), content.into()).await;
        put.map(drop).map_err(failed("keep a file of a session in", &place.uri))
    }

    /// What is in a folder of the session, by name.
    ///
    /// # Errors
    /// When the store is out of reach.
    pub async fn kept(&self, owner: Owner<'_>, folder: &str) -> Result<Vec<KeptFile>, StagingError> {
        let place = self.folder(owner)?;
        let found: Result<Vec<_>, _> = place.store.list(Some(&place.path.join(folder))).try_collect().await;
        let found = found.map_err(failed("look for files of a session in", &place.uri))?;
        let mut kept: Vec<_> = found
            .into_iter()
            .filter_map(|object| {
                Some(KeptFile { name: object.location.filename()?.to_owned(), size: object.size })
            })
            .collect();
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(kept)
    }

    /// The bytes of a file that is kept.
    ///
    /// # Errors
    /// When it is not there, or the store is out of reach.
    pub async fn bytes(&self, owner: Owner<'_>, folder: &str, name: &str) -> Result<Vec<u8>, StagingError> {
        let place = self.folder(owner)?;
        let path = place.path.join(folder).join(name);
        let read = async { place.store.get(&path).await?.bytes().await };
        Ok(read.await.map_err(failed("read a file of a session from", &place.uri))?.to_vec())
    }

    /// Where a file that is kept can be read on this machine: in place, or as a copy that is made at `cache`, under
    /// this name once it is whole.
    ///
    /// # Errors
    /// When it is not there, the store is out of reach, or the copy cannot be written.
    pub async fn local_file(
        &self,
        owner: Owner<'_>,
        folder: &str,
        name: &str,
        cache: &FilePath,
    ) -> Result<PathBuf, StagingError> {
        let place = self.folder(owner)?;
        let path = place.path.join(folder).join(name);
        if let Some(dir) = &place.dir {
            return Ok(dir.join(path.as_ref()));
        }
        let copied = copy_out(&*place.store, &path, cache).await;
        copied.map_err(StagingError::because(format!("fetch a file of a session from \"{}\"", place.uri)))?;
        Ok(cache.to_owned())
    }
}

async fn copy_in(store: Arc<dyn ObjectStore>, path: Path, file: &FilePath) -> std::io::Result<()> {
    let mut from = tokio::fs::File::open(file).await?;
    let mut to = BufWriter::new(store, path);
    tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}

async fn copy_out(store: &dyn ObjectStore, path: &Path, to: &FilePath) -> std::io::Result<()> {
    if tokio::fs::try_exists(to).await? {
        return Ok(());
    }
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let mut file = tokio::fs::File::create(&unfinished).await?;
    let mut pieces = store.get(path).await?.into_stream();
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece?).await?;
    }
    file.sync_all().await?;
    tokio::fs::rename(&unfinished, to).await
}
