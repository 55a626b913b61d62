//! From an address to the store that is there.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

/// How often a request is made again before it has failed. Whoever waits for it waits for some seconds only.
const RETRIES: usize = 3;
/// For how long it is made again.
const RETRY_TIME: Duration = Duration::from_secs(10);

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
    /// No such kind of store.
    #[error("\"{uri}\" is not in a store that can be used: those are file://, s3:// and gs://")]
    Unknown {
        /// What was given.
        uri: String,
    },
    /// The store is set up in a way that cannot work, or not enough.
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

/// Names and values as in the environment, such as `AWS_REGION`.
pub(crate) type Options = Arc<[(String, String)]>;

/// A store, and the place in it that an address leads to.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) root: Path,
    /// The address, without a slash at the end.
    pub(crate) uri: String,
    /// The directory with the objects, where they are files of this machine.
    pub(crate) dir: Option<PathBuf>,
}

/// The store at an address. Nothing is asked of it yet.
pub(crate) fn open(uri: &str, options: &Options) -> Result<Opened, OpenError> {
    let url = Url::parse(uri).map_err(|source| OpenError::Address { uri: uri.to_owned(), source })?;
    let unsupported = |source| OpenError::Unsupported { uri: uri.to_owned(), source };
    let root = Path::from_url_path(url.path()).map_err(|source| unsupported(source.into()))?;
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "file" => {
            let dir = url.to_file_path().map_err(|()| OpenError::Unknown { uri: uri.to_owned() })?;
            return directory(&dir);
        }
        "s3" | "s3a" => Arc::new(s3(&url, options).build().map_err(unsupported)?),
        "gs" => Arc::new(cloud_storage(&url, options).build().map_err(unsupported)?),
        _ => return Err(OpenError::Unknown { uri: uri.to_owned() }),
    };
    Ok(Opened { store, root, uri: uri.trim_end_matches('/').to_owned(), dir: None })
}

/// The store in a directory, which is made if it is not there, for its owner only.
pub(crate) fn directory(dir: &FilePath) -> Result<Opened, OpenError> {
    let shown = dir.display().to_string();
    let failed = |source| OpenError::Directory { dir: shown.clone(), source };
    make_private(dir).map_err(failed)?;
    let store = LocalFileSystem::new_with_prefix(dir)
        .map_err(|source| OpenError::Unsupported { uri: shown.clone(), source })?
        .with_automatic_cleanup(true);
    let whole = dir.canonicalize().map_err(failed)?;
    let uri = Url::from_directory_path(&whole).map_or(shown.clone(), String::from);
    let uri = uri.trim_end_matches('/').to_owned();
    Ok(Opened { store: Arc::new(store), root: Path::default(), uri, dir: Some(whole) })
}

fn s3(url: &Url, options: &Options) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new().with_retry(retries());
    for (name, value) in of(options, "aws_") {
        match name.parse() {
            // The bucket is the address's.
            Ok(AmazonS3ConfigKey::Bucket) | Err(_) => {}
            Ok(key) => {
                // Whoever names such an address means it: a store beside this service, as in a test.
                let plain = matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint)
                    && value.starts_with("http://");
                builder = builder.with_config(key, value);
                if plain {
                    builder = builder.with_allow_http(true);
                }
            }
        }
    }
    builder.with_url(url.as_str())
}

fn cloud_storage(url: &Url, options: &Options) -> GoogleCloudStorageBuilder {
    let mut builder = GoogleCloudStorageBuilder::new().with_retry(retries());
    for (name, value) in of(options, "google_") {
        match name.parse() {
            Ok(GoogleConfigKey::Bucket) | Err(_) => {}
            Ok(key) => {
                let plain = matches!(key, GoogleConfigKey::BaseUrl) && value.starts_with("http://");
                builder = builder.with_config(key, value);
                if plain {
                    let allow = GoogleConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
                    builder = builder.with_config(allow, "true");
                }
            }
        }
    }
    builder.with_url(url.as_str())
}

/// The options whose names begin so, in small letters. Empty ones are not set.
fn of<'o>(options: &'o Options, prefix: &'o str) -> impl Iterator<Item = (String, &'o str)> {
    options
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
}

fn retries() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() }
}

fn make_private(dir: &FilePath) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
