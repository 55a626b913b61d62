//! A server that speaks as S3 does: moto, as it is released.

use std::path::Path;

use crate::python::{Python, Script};

/// A store of objects that is gone after the test.
#[derive(Debug)]
pub struct ObjectServer {
    script: Script,
    address: String,
}

impl ObjectServer {
    /// Starts one with these buckets.
    ///
    /// # Panics
    /// When it does not come up, or was not installed yet.
    #[track_caller]
    pub fn start(buckets: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/object_store.py");
        let mut script = Python::client("s3").start(&script, buckets);
        let address = script.until("ready").pop().expect("it says where it answers");
        Self { script, address }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the environment of a client has to say, as names and values.
    pub fn environment(&self) -> [(String, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.address.as_str()),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// The keys of the objects in a bucket, as a JSON list.
    ///
    /// # Panics
    /// When it does not say.
    #[track_caller]
    pub fn keys(&mut self, bucket: &str) -> String {
        self.script.say(bucket);
        self.script.until("listed").pop().expect("it lists them")
    }
}
