//! The `dataproc1` program; everything is in the library.

fn main() -> std::process::ExitCode {
    hearth_cli::run::main()
}
