//! The staging store: what is to outlive engines, kept as objects.
//!
//! Behind the [`Staging`] trait of control; knows sessions by their uuid and bucket only, and nothing of engines. The
//! layout is that of the hosted service (contract, section 5.8):
//!
//! ```text
//! google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}/driveroutput.000000000    from the first byte on
//!                                                                 driveroutput.008388608    from that byte on
//!                                                                 diagnostics.tar.gz
//!                                                                 eventlog/APPLICATION      Spark's event log
//!                                                                 sparkrecords/TIME         records written over REST
//! ```
//!
//! Start reading at [`ObjectStaging`].

mod files;
mod open;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::TryStreamExt;
use hearth_control::world::{Kept, Staging, StagingError};
use hearth_core::staged::{self, Owner, Places};
use hearth_driver::LogChunk;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use crate::files::KeptFile;
pub use crate::open::OpenError;
use crate::open::{Opened, Options};

/// How many stores of buckets that sessions named are held open. Opening one again costs little.
const OPEN_STORES: usize = 64;
/// The object that [`ObjectStaging::check`] writes and removes.
const CHECK: &str = "hearth-check";

/// Objects in a directory, in S3 or what speaks its language, or in Cloud Storage.
#[derive(Debug, Clone)]
pub struct ObjectStaging {
    default: Opened,
    places: Arc<Places>,
    options: Options,
    /// By address: those of buckets, once they were used.
    opened: Arc<Mutex<HashMap<String, Opened>>>,
}

/// A session's things.
struct Folder {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// The store's address, for errors.
    uri: String,
    /// The directory with the store's objects, where they are files of this machine.
    dir: Option<PathBuf>,
}

impl ObjectStaging {
    /// A store in a directory, which is made if it is not there, for its owner only. `options` are for stores of
    /// buckets, as those of [`ObjectStaging::at`] are.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_directory(
        dir: &FilePath,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OpenError> {
        open::directory(dir).map(|default| Self::new(default, options.into_iter().collect()))
    }

    /// The store at an address: `file:///DIRECTORY`, `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`. `options` are names
    /// and values as in the environment, such as `AWS_REGION`. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// When there is no such store, or its options cannot be right.
    pub fn at(uri: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Self, OpenError> {
        let options: Options = options.into_iter().collect();
        Ok(Self::new(open::open(uri, &options)?, options))
    }

    /// A store that ends with the process, and is told by this address.
    pub fn in_memory(uri: &str) -> Self {
        let store = Arc::new(InMemory::new());
        let opened = Opened { store, root: Path::default(), uri: uri.to_owned(), dir: None };
        Self::new(opened, Options::default())
    }

    /// The same with places of their own for buckets that sessions may name.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn with_buckets(self, buckets: &BTreeMap<String, String>) -> Result<Self, OpenError> {
        let opened = buckets.values().map(|uri| open::open(uri, &self.options));
        let opened = opened.collect::<Result<Vec<_>, _>>()?;
        let named = buckets.keys().cloned().zip(opened.iter().map(|opened| opened.uri.clone())).collect();
        let places = Places { buckets: named, default: self.default.uri.clone() };
        Ok(Self { places: Arc::new(places), ..self })
    }

    /// The same, sure that these are addresses that [`give_file`](Self::give_file) can take.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn giving_to<'u>(self, uris: impl IntoIterator<Item = &'u str>) -> Result<Self, OpenError> {
        for uri in uris {
            open::open(uri, &self.options)?;
        }
        Ok(self)
    }

    fn new(default: Opened, options: Options) -> Self {
        let places = Places { default: default.uri.clone(), buckets: BTreeMap::new() };
        Self { default, places: Arc::new(places), options, opened: Arc::default() }
    }

    /// Where things of sessions are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Writes an object to the default store and to that of each bucket with a place of its own, and removes it. What
    /// came of it, by address.
    pub async fn check(&self) -> Vec<(String, Result<(), StagingError>)> {
        let uris = std::iter::once(&self.places.default).chain(self.places.buckets.values());
        let mut findings = Vec::new();
        for uri in uris {
            let tried = async {
                let Opened { store, root, .. } = self.opened(uri)?;
                let path = root.join(CHECK);
                let failed = |error| failed("write", uri)(error);
                store.put(&path, CHECK.into()).await.map_err(failed)?;
                store.delete(&path).await.map_err(failed)
            };
            findings.push((uri.clone(), tried.await));
        }
        findings
    }

    fn opened(&self, uri: &str) -> Result<Opened, StagingError> {
        if uri == self.default.uri {
            return Ok(self.default.clone());
        }
        // Every change is one insertion, whole whatever panicked around it.
        let lock = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = lock().get(uri) {
            return Ok(opened.clone());
        }
        let opened =
            open::open(uri, &self.options).map_err(StagingError::because(format!("open \"{uri}\"")))?;
        let mut all = lock();
        if all.len() >= OPEN_STORES {
            all.clear();
        }
        all.insert(uri.to_owned(), opened.clone());
        Ok(opened)
    }

    /// The place of a session's things.
    fn folder(&self, owner: Owner<'_>) -> Result<Folder, StagingError> {
        let Opened { store, root, uri, dir } = self.opened(&self.places.of(owner.bucket))?;
        let path = staged::folder(owner.session).split('/').fold(root, |folder, part| folder.join(part));
        Ok(Folder { store, path, uri, dir })
    }
}

impl Folder {
    /// The pieces of a session's output by their first byte, with their lengths.
    async fn pieces(&self) -> Result<Vec<(u64, u64, Path)>, object_store::Error> {
        let objects: Vec<_> = self.store.list(Some(&self.path)).try_collect().await?;
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

    async fn output(&self, offset: u64, limit: usize) -> Result<LogChunk, object_store::Error> {
        let pieces = self.pieces().await?;
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
        let content = self.store.get_range(path, from - start..to - start).await?.to_vec();
        Ok(LogChunk { next_offset: from + content.len() as u64, content, offset: from })
    }

    async fn diagnostics(&self, offset: u64, limit: usize) -> Result<Option<Kept>, object_store::Error> {
        let path = self.path.clone().join(staged::DIAGNOSTICS);
        let size = match self.store.head(&path).await {
            Ok(object) => object.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let to = size.min(offset.saturating_add(limit as u64));
        if offset >= to {
            return Ok(Some(Kept { content: Vec::new(), size }));
        }
        let content = self.store.get_range(&path, offset..to).await?.to_vec();
        Ok(Some(Kept { content, size }))
    }

    async fn remove(&self) -> Result<(), object_store::Error> {
        let objects: Vec<_> = self.store.list(Some(&self.path)).try_collect().await?;
        for object in objects {
            match self.store.delete(&object.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Staging for ObjectStaging {
    async fn keep_output(&self, owner: Owner<'_>, offset: u64, content: Vec<u8>) -> Result<(), StagingError> {
        let folder = self.folder(owner)?;
        let path = folder.path.clone().join(format!("{}.{offset:09}", staged::OUTPUT));
        let put = folder.store.put(&path, content.into()).await;
        put.map(drop).map_err(failed("keep the output of a session in", &folder.uri))
    }

    async fn output(&self, owner: Owner<'_>, offset: u64, limit: usize) -> Result<LogChunk, StagingError> {
        let folder = self.folder(owner)?;
        folder.output(offset, limit).await.map_err(failed("read the output of a session from", &folder.uri))
    }

    async fn keep_diagnostics(&self, owner: Owner<'_>, archive: Vec<u8>) -> Result<(), StagingError> {
        let folder = self.folder(owner)?;
        let put = folder.store.put(&folder.path.clone().join(staged::DIAGNOSTICS), archive.into()).await;
        put.map(drop).map_err(failed("keep diagnostics of a session in", &folder.uri))
    }

    async fn diagnostics(
        &self,
        owner: Owner<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Kept>, StagingError> {
        let folder = self.folder(owner)?;
        let read = folder.diagnostics(offset, limit).await;
        read.map_err(failed("read diagnostics of a session from", &folder.uri))
    }

    async fn remove(&self, owner: Owner<'_>) -> Result<(), StagingError> {
        let folder = self.folder(owner)?;
        folder.remove().await.map_err(failed("remove what is kept of a session from", &folder.uri))
    }
}

/// A problem while doing something with a store.
fn failed(what: &str, uri: &str) -> impl FnOnce(object_store::Error) -> StagingError {
    StagingError::because(format!("{what} \"{uri}\""))
}
