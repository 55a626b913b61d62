//! The chores of this repository: `cargo xtask WORD`.
//!
//! Start reading at [`run`]; each word is a module.

mod bench;
mod check;
mod clients;
mod contract;
mod crates;
mod fuzz;
mod fuzz_api;
mod machine;
mod stage;
mod surface;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask WORD

  test [--fast]   runs every test; installs what they need into ~/.cache/hearth-tests (HEARTH_TEST_CACHE).
                  --fast leaves out those that need an engine or a client in Python
  check           format, lints, arrows between crates, generated files, lengths of files
  bench [WORDS]   runs the benchmarks, in release mode, and prints a table
  contract        checks docs/contract.toml against the tests and writes its page; `contract --check` compares it
  fuzz [TARGET] [--seconds N]   runs the fuzz targets of fuzz/, each for a minute
  fuzz-api [--cases N]          makes up calls from our OpenAPI description (20,000) and checks each answer
  surface         writes the method table of dataproc1 anew; `surface --check` compares it
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (word, rest) = words.split_first().map_or(("help", &[][..]), |(word, rest)| (word.as_str(), rest));
    match word {
        "test" => test::run(rest),
        "check" => check::run(rest),
        "bench" => bench::run(rest),
        "contract" => contract::run(rest),
        "fuzz" => fuzz::run(rest),
        "fuzz-api" => fuzz_api::run(rest),
        "surface" => surface::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no \"{other}\"\n\n{HELP}"),
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is a folder of the repository").to_owned()
}
