//! Messages, clients and servers generated from `proto/`.
//!
//! The nesting mirrors the proto packages, because generated code refers to its neighbors by it; use the
//! short names re-exported here.

/// Generated code by proto package.
#[expect(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated: its docs are the comments of the .proto files"
)]
mod generated {
    pub mod google {
        pub mod cloud {
            pub mod dataproc {
                pub mod v1 {
                    tonic::include_proto!("google.cloud.dataproc.v1");
                }
            }
        }
        pub mod longrunning {
            tonic::include_proto!("google.longrunning");
        }
        pub mod rpc {
            tonic::include_proto!("google.rpc");
        }
    }
    pub mod hearth {
        pub mod v1 {
            tonic::include_proto!("hearth.v1");
        }
    }
}

pub use generated::google::cloud::dataproc::v1 as dataproc;
pub use generated::google::longrunning;
pub use generated::google::rpc;
pub use generated::hearth::v1 as hearth;
