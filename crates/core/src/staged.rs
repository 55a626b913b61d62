//! What sessions leave in a staging store, and where. The layout is the hosted service's (contract, section 5.8).

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::SessionUuid;

/// The folder of a session, without slashes at either end.
pub fn folder(session: SessionUuid) -> String {
    format!("google-cloud-dataproc-metainfo/{session}/jobs/srvls-session-{session}")
}

/// The name that pieces of driver output begin with, in that folder.
pub const OUTPUT: &str = "driveroutput";

/// The archive of diagnostics, in that folder.
pub const DIAGNOSTICS: &str = "diagnostics.tar.gz";

/// The folder of Spark's event logs, in that folder: one object an application.
pub const EVENT_LOGS: &str = "eventlog";

/// The folder of records that were written over REST, in that folder.
pub const RECORDS: &str = "sparkrecords";

/// What of a session goes into the staging store besides what is kept at its very end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeping {
    /// Its output is still to be kept: the store did not take it in the time that an end has for it.
    pub output_due: bool,
    /// An archive of diagnostics is still to be written.
    pub diagnostics_due: bool,
    /// When the archive was written last.
    pub diagnosed_at: Option<Timestamp>,
}

impl Keeping {
    /// Whether anything is still to be done.
    pub fn due(self) -> bool {
        self.output_due || self.diagnostics_due
    }

    /// Nothing is to be done any more, and this is when the archive was written, if one was now.
    #[must_use]
    pub fn done(self, diagnosed_at: Option<Timestamp>) -> Self {
        Self { output_due: false, diagnostics_due: false, diagnosed_at: diagnosed_at.or(self.diagnosed_at) }
    }
}

/// Whose things: those of a session, in the bucket that it names, and shown by the history server that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'s> {
    /// The session.
    pub session: SessionUuid,
    /// Its `staging_bucket`; empty for none.
    pub bucket: &'s str,
    /// The last part of its `spark_history_server_config.dataproc_cluster`; empty for none.
    pub history_server: &'s str,
}

/// Where the staging store of each bucket is. Addresses have no slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The address of what has no place of its own.
    pub default: String,
    /// The addresses of buckets that have one.
    pub buckets: BTreeMap<String, String>,
}

/// What addresses in Google's Cloud Storage begin with.
const CLOUD_STORAGE: &str = "gs://";

impl Places {
    /// The address of the store that things of a session with this bucket go to.
    ///
    /// One that is set for the bucket; else, when the default store is in Cloud Storage, the bucket itself, as the
    /// hosted service has it; else the default store.
    pub fn of(&self, bucket: &str) -> Cow<'_, str> {
        if let Some(place) = self.buckets.get(bucket) {
            return place.into();
        }
        if self.default.starts_with(CLOUD_STORAGE) && !bucket.is_empty() {
            return format!("{CLOUD_STORAGE}{bucket}").into();
        }
        self.default.as_str().into()
    }

    /// The address of something of a session: [`OUTPUT`] or [`DIAGNOSTICS`].
    pub fn uri(&self, owner: Owner<'_>, what: &str) -> String {
        format!("{}/{}/{what}", self.of(owner.bucket), folder(owner.session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(default: &str) -> Places {
        let buckets = BTreeMap::from([("team-blue".to_owned(), "s3://blue/sessions".to_owned())]);
        Places { default: default.to_owned(), buckets }
    }

    #[test]
    fn a_bucket_with_a_place_of_its_own_is_there_and_others_in_the_default_store() {
        let places = places("file:///srv/staging");
        assert_eq!(places.of("team-blue"), "s3://blue/sessions");
        assert_eq!(places.of("team-red"), "file:///srv/staging");
        assert_eq!(places.of(""), "file:///srv/staging");
        let owner =
            Owner { session: SessionUuid(uuid::Uuid::from_u128(1)), bucket: "team-blue", history_server: "" };
        let uuid = owner.session;
        assert_eq!(
            places.uri(owner, OUTPUT),
            format!(
                "s3://blue/sessions/google-cloud-dataproc-metainfo/{uuid}/jobs/srvls-session-{uuid}/driveroutput"
            )
        );
    }

    #[test]
    fn in_cloud_storage_every_bucket_is_its_own_place() {
        let places = places("gs://acme-staging/hearth");
        assert_eq!(places.of("team-red"), "gs://team-red");
        assert_eq!(places.of("team-blue"), "s3://blue/sessions");
        assert_eq!(places.of(""), "gs://acme-staging/hearth");
    }

    #[test]
    fn what_is_done_is_not_due_and_an_earlier_archive_is_remembered() {
        let at = Timestamp::UNIX_EPOCH;
        let due = Keeping { output_due: true, diagnostics_due: true, diagnosed_at: Some(at) };
        assert!(due.due() && !due.done(None).due());
        assert_eq!(due.done(None).diagnosed_at, Some(at));
    }
}
