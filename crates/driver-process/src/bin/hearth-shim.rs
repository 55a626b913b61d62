//! The supervisor of one engine as a program of its own: `hearth-shim ENGINE_DIRECTORY`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(dir) => ExitCode::from(hearth_driver_process::shim::main(Path::new(&dir)).unsigned_abs() as u8),
        None => {
            eprintln!("usage: hearth-shim ENGINE_DIRECTORY");
            ExitCode::from(2)
        }
    }
}
