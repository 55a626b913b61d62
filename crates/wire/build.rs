//! Compiles the `.proto` files without an installed `protoc`.
//!
//! Three things come out of it: Rust messages with tonic clients and servers, the encoded descriptor set that JSON
//! and HTTP bindings are driven by, and the part of that set that gRPC has, for reflection.

use std::{env, error::Error, fs, path::PathBuf};

/// Roots of the import graph; everything else is imported from these.
const ROOTS: [&str; 7] = [
    "google/cloud/dataproc/v1/operations.proto",
    "google/cloud/dataproc/v1/session_templates.proto",
    "google/cloud/dataproc/v1/sessions.proto",
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "hearth/v1/emulator.proto",
    "hearth/v1/hearth.proto",
];
/// What only REST has.
const REST_ONLY: [&str; 1] = ["google/cloud/dataproc/v1/spark_applications.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let protos = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", protos.display());

    let mut compiler = protox::Compiler::new([&protos])?;
    compiler.include_imports(true).include_source_info(true).open_files(ROOTS)?.open_files(REST_ONLY)?;
    // With comments, which become the docs of the generated code.
    let mut config = tonic_prost_build::Config::new();
    // Message names, so that `Any` can be packed and JSON finds the descriptor of a message.
    config.enable_type_names();
    config.type_name_domain(["."], "type.googleapis.com");
    // Far larger than the other records that may stand in its place.
    config.boxed(".google.cloud.dataproc.v1.SparkWrapperObject.record.stage_data");
    tonic_prost_build::configure()
        .build_transport(false)
        // Sorted maps: equal messages have equal bytes and equal JSON.
        .btree_map(".")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;

    // Without comments: nothing at run time reads them, and the set is decoded at first use. The options
    // must survive, so this goes through protox's own encoding and not through prost-types.
    let mut compiler = protox::Compiler::new([&protos])?;
    compiler.include_imports(true).include_source_info(false).open_files(ROOTS)?;
    fs::write(out.join("grpc.bin"), compiler.encode_file_descriptor_set())?;
    compiler.open_files(REST_ONLY)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    Ok(())
}
