//! The files of `proto/` with their comments, which the descriptors of the library leave out.

use std::collections::HashMap;
use std::path::Path;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// The API with its comments.
pub(super) struct Api {
    pub(super) pool: DescriptorPool,
    comments: HashMap<(String, Vec<i32>), String>,
}

impl Api {
    pub(super) fn load() -> Self {
        let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        let mut compiler = protox::Compiler::new([&protos]).unwrap();
        compiler.include_imports(true).include_source_info(true);
        for file in hearth_wire::pool().files().map(|file| file.name().to_owned()) {
            compiler.open_file(file).unwrap();
        }
        let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
        let mut comments = HashMap::new();
        for file in pool.files() {
            let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
            for location in info.location {
                if let Some(comment) = location.leading_comments {
                    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
                    comments
                        .insert((file.name().to_owned(), location.path), lines.join(" ").trim().to_owned());
                }
            }
        }
        Self { pool, comments }
    }

    /// What is written above something in a file.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.comments.get(&(file.name().to_owned(), path.to_vec())).cloned().unwrap_or_default()
    }
}
