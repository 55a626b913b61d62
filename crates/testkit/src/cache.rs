//! Where `cargo xtask test` puts what tests need from outside.

use std::path::PathBuf;

/// The directory of what was made once: `HEARTH_TEST_CACHE`, or `~/.cache/hearth-tests`.
///
/// # Panics
/// When neither that variable nor `HOME` is set.
pub fn cache() -> PathBuf {
    std::env::var_os("HEARTH_TEST_CACHE").filter(|path| !path.is_empty()).map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/hearth-tests"),
        PathBuf::from,
    )
}

/// The directory of installed runtimes.
///
/// # Panics
/// When there is none. A test that needs an engine must not pass without one.
pub fn runtimes_dir() -> PathBuf {
    let dir = cache().join("runtimes");
    assert!(dir.join("envs").is_dir(), "no runtime in {}: run `cargo xtask test` once", dir.display());
    dir
}
