//! The supervisor of one engine as a program of its own: `hearth-shim ENGINE_DIRECTORY`, or `--spare`.

use std::path::Path;
use std::process::ExitCode;

use hearth_driver_process::shim;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.as_slice() {
        [flag] if flag == "--spare" => shim::main_of_spare(),
        [dir] => shim::main(Path::new(dir)),
        _ => {
            eprintln!("usage: hearth-shim ENGINE_DIRECTORY | --spare");
            2
        }
    };
    ExitCode::from(code.unsigned_abs() as u8)
}
