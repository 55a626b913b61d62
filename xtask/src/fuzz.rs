//! `cargo xtask fuzz`: the fuzz targets of `fuzz/`, each for a while, with the compiler that builds everything else.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::stage::Stages;

/// What makes a program tell libFuzzer which edges it took and what it compared. These are LLVM's own options, so
/// that no other compiler is needed than the one there is; there is no address sanitizer, as there is no `unsafe`.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Coverflow-checks \
    -Copt-level=2 -Ccodegen-units=1";

/// The targets, each a file of `fuzz/targets`.
const TARGETS: [&str; 6] = ["json", "filter", "names", "masks", "router", "artifacts"];

/// How long each runs when nobody says, in seconds.
const SECONDS: u32 = 60;

/// Builds them and runs one or all.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (mut targets, mut seconds) = (TARGETS.to_vec(), SECONDS);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match TARGETS.iter().find(|target| *target == word) {
            Some(target) => targets = vec![target],
            None if word == "--seconds" => {
                seconds = words.next().context("--seconds takes a number")?.parse()?;
            }
            None => bail!("unknown: {word}; `fuzz` knows {} and --seconds N", TARGETS.join(", ")),
        }
    }
    let stages = Stages::start();
    let folder = crate::root().join("fuzz");
    let host = host()?;
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With a target of its own, programs that only build are not instrumented.
    build.args(["build", "--release", "--quiet", "--target", &host, "--target-dir", "target"]);
    build.current_dir(&folder).env("RUSTFLAGS", INSTRUMENTED);
    stages.run("building the fuzz targets", &mut build)?;
    for target in targets {
        let corpus = folder.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(folder.join("artifacts"))?;
        let mut fuzz = Command::new(folder.join("target").join(&host).join("release").join(target));
        fuzz.arg(&corpus);
        // Where bytes would hardly ever come to make sense by themselves.
        let seeds = folder.join("seeds").join(target);
        if seeds.is_dir() {
            fuzz.arg(seeds);
        }
        fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-seed={}", seed()));
        fuzz.args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
        fuzz.arg("-artifact_prefix=artifacts/").current_dir(&folder);
        stages.run(&format!("fuzzing {target} for {seconds} s"), &mut fuzz)?;
    }
    stages.say("no finding");
    Ok(())
}

/// A number that differs from run to run; libFuzzer prints it.
fn seed() -> u32 {
    u32::try_from(RandomState::new().hash_one(0) >> 33).unwrap_or(1)
}

/// The platform of this machine, as the compiler calls it.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("could not run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}
