//! Spark's own history server, which shows applications that have ended by their event logs.

use std::path::Path;

use crate::jvm::{Jvm, argument_file};

/// What it writes directly before its port.
pub const LISTENING: &str = "Successfully started service 'HistoryServerUI' on port ";

/// What is logged: warnings, and the line with the port. Same form as that of engines.
pub const LOGGING: &str = super::LOGGING_TEXT;

/// Its program.
pub const MAIN: &str = "org.apache.spark.deploy.history.HistoryServer";

/// Enough for logs of some hundred megabytes; what was read is kept on disk.
const HEAP: &str = "1g";

/// The text of its file of flags: the logs in `logs`, what it keeps in `work`, its logging as `logging` says.
pub fn arguments(jvm: &Jvm, home: &Path, logs: &Path, work: &Path, logging: &Path) -> String {
    let mut flags = jvm.flags(HEAP);
    flags.extend(["-cp".to_owned(), format!("{}/jars/*", home.display())]);
    let settings = [
        ("java.io.tmpdir", work.display().to_string()),
        ("log4j2.configurationFile", logging.display().to_string()),
        ("spark.history.fs.logDirectory", logs.display().to_string()),
        // Zero: it picks a free one and writes it to its log.
        ("spark.history.ui.port", "0".to_owned()),
        // A log is put there when somebody asks for it, and they wait.
        ("spark.history.fs.update.interval", "1s".to_owned()),
        ("spark.history.retainedApplications", "20".to_owned()),
        // The logs are ours to remove.
        ("spark.history.fs.cleaner.enabled", "false".to_owned()),
    ];
    flags.extend(settings.map(|(key, value)| format!("-D{key}={value}")));
    argument_file(&flags)
}
