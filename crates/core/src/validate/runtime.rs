//! The runtime and what is installed in it. Its version is checked where the catalogue is known.

use super::patterns;
use super::report::Report;
use crate::config::{AutotuningConfig, RuntimeConfig};
use crate::properties::{self, PropertyPolicy};

/// The numbers of the autotuning scenarios in the API description.
const SCENARIOS: [i32; 6] = [0, 2, 3, 4, 5, 6];

pub(super) fn check(config: &RuntimeConfig, policy: &PropertyPolicy, report: &mut Report<'_>) {
    report.expect(
        "runtime_config.container_image",
        &config.container_image,
        patterns::image,
        "an image reference of the form {registry}/{repository}/{name}:{tag}",
    );
    for problem in properties::check(&config.properties, policy) {
        report.add("runtime_config.properties", problem);
    }
    if let Some(index) = config.repository.as_ref().and_then(|repository| repository.pypi.as_deref()) {
        check_index(index, report);
    }
    if let Some(autotuning) = &config.autotuning {
        check_scenarios(autotuning, report);
    }
}

fn check_index(index: &str, report: &mut Report<'_>) {
    const FIELD: &str = "runtime_config.repository_config.pypi_repository_config.pypi_repository";
    match patterns::http_uri(index) {
        // Never repeated: settings are stored and shown to others.
        Some(uri) if uri.credentials.is_some() => report.invalid(FIELD, "must not contain credentials"),
        Some(_) => {}
        // What is no URI may still have a password in it.
        None if index.contains('@') => report.invalid(FIELD, "must be an absolute http or https URI"),
        None => {
            report.expect(FIELD, index, |_| false, "an absolute http or https URI");
        }
    }
}

fn check_scenarios(autotuning: &AutotuningConfig, report: &mut Report<'_>) {
    let unknown = autotuning.scenarios.iter().filter(|scenario| !SCENARIOS.contains(scenario));
    for scenario in unknown {
        report.invalid(
            "runtime_config.autotuning_config.scenarios",
            &format!("{scenario} is not a value of its enum"),
        );
    }
}
