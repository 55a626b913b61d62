//! Rules between settings.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{ConfigError, Problem};
use super::model::{Auth, Config};
use super::source::Origin;
use super::units::show_duration;

/// What does not go together. Rules about a key in `broken` are not looked at: its value is not what was meant.
pub(super) fn check(
    config: &Config,
    origins: &BTreeMap<&'static str, Origin>,
    broken: &[String],
) -> Vec<ConfigError> {
    let mut checks = Checks { origins, broken, errors: Vec::new() };
    checks.listen(config);
    checks.auth(config);
    checks.projects(config);
    checks.locations(config);
    checks.stop(config);
    checks.directory("state-dir", &config.state_dir);
    checks.directory("runtimes.dir", &config.runtimes_dir);
    checks.errors
}

struct Checks<'c> {
    origins: &'c BTreeMap<&'static str, Origin>,
    broken: &'c [String],
    errors: Vec<ConfigError>,
}

impl Checks<'_> {
    fn listen(&mut self, config: &Config) {
        if config.listen.is_empty() {
            let hint = "Give at least one address, such as \"127.0.0.1:8470\".";
            self.refuse("listen", &[], "there is no address".to_owned(), hint);
        }
        for (index, address) in config.listen.iter().enumerate() {
            if config.listen[..index].contains(address) {
                self.refuse(
                    "listen",
                    &[],
                    format!("{address} is given more than once"),
                    "Leave one of them out.",
                );
            }
        }
    }

    fn auth(&mut self, config: &Config) {
        let open = config.listen.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let (Auth::None, Some(open)) = (config.auth, open) {
            let text =
                format!("\"none\" is for nobody but this machine, and {open} can be reached from others");
            let hint =
                "Listen on loopback addresses only, such as 127.0.0.1 and [::1], or set auth to \"token\".";
            self.refuse("auth", &["listen"], text, hint);
        }
    }

    fn projects(&mut self, config: &Config) {
        if !config.projects.is_empty() && !config.projects.contains(&config.project) {
            let text = format!("\"{}\" is not one of the projects that are served", config.project);
            self.refuse("project", &["projects"], text, "Set project to one of projects, or add it there.");
        }
    }

    fn locations(&mut self, config: &Config) {
        if !config.locations.is_empty() && !config.locations.contains(&config.default_location) {
            let text = format!("\"{}\" is not one of the locations that are served", config.default_location);
            let hint = "Set default-location to one of locations, or add it there.";
            self.refuse("default-location", &["locations"], text, hint);
        }
    }

    fn stop(&mut self, config: &Config) {
        let (grace, timeout) = (config.session.stop_grace, config.session.stop_timeout);
        if grace >= timeout {
            let (grace, timeout) = (show_duration(grace), show_duration(timeout));
            let text = format!("{grace} is not shorter than session.stop-timeout, which is {timeout}");
            let hint = "An engine is killed after stop-grace, and that must be seen before stop-timeout.";
            self.refuse("session.stop-grace", &["session.stop-timeout"], text, hint);
        }
    }

    fn directory(&mut self, key: &'static str, path: &Path) {
        if path.as_os_str().is_empty() {
            let text = "there is no default, as the home directory is not known".to_owned();
            self.refuse(key, &[], text, "Set it to a path, or set HOME.");
        }
    }

    /// Blames `key`, or the first of `others` when only that one was set by somebody.
    fn refuse(&mut self, key: &'static str, others: &[&'static str], text: String, hint: &str) {
        let mut involved = std::iter::once(key).chain(others.iter().copied());
        if involved.clone().any(|key| self.broken.iter().any(|broken| broken == key)) {
            return;
        }
        let origin_of = |key: &str| self.origins.get(key).cloned().unwrap_or(Origin::Default);
        let blamed = involved.find(|key| origin_of(key) != Origin::Default).unwrap_or(key);
        let text = if blamed == key { text } else { format!("does not go with \"{key}\": {text}") };
        self.errors.push(ConfigError {
            key: Some(blamed.to_owned()),
            origin: origin_of(blamed),
            problem: Problem::Conflict { text, hint: hint.to_owned() },
        });
    }
}
