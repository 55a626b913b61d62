//! The JVM that an engine runs in: its flags, and the file that carries them.
//!
//! Flags go into a file that only the engine's user can read (`java @FILE`), not into arguments, which every user of the
//! machine can: Spark properties are flags too (`-Dspark.x=y`), and some hold passwords.

use std::path::PathBuf;

/// The Java that an engine is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jvm {
    /// The program `java`.
    pub program: PathBuf,
    /// Its major version, such as 17.
    pub major: u32,
    /// What is done with an archive of the engine's classes, if anything. Only saves time.
    pub archive: Option<Archive>,
}

/// An archive of classes as the JVM has them in memory (AppCDS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// One that was made with this Java and these jars. Where it does not fit after all the JVM does without.
    Use(PathBuf),
    /// Where the JVM is to write one when it ends.
    Make(PathBuf),
}

/// Packages of `java.base` that Spark reaches into (its `JavaModuleOptions`, and what PySpark's launcher opens).
const OPENED: [&str; 14] = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
];

/// The first major version that warns of what Spark does with memory unless told that it may.
const RESTRICTS_UNSAFE: u32 = 24;

impl Jvm {
    /// What every JVM of Spark is started with, whatever it is to do.
    pub fn flags(&self, heap: &str) -> Vec<String> {
        let mut flags = vec![
            format!("-Xmx{heap}"),
            // Without it an engine that is out of memory hangs with its port open.
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            // As quick as the parallel one on two cores, and a quarter smaller (the same page).
            "-XX:+UseSerialGC".to_owned(),
            // Room for what a start allocates, or the collector would copy it twice while everybody waits.
            "-XX:NewSize=192m".to_owned(),
            // The second compiler comes in for code that has run thirty times as often as usual, and while it is at work the
            // first one keeps no profile: a start leaves it most of the processor, and what long queries are made of has run
            // that often soon (docs/adr/0006-start-of-a-jvm.md).
            "-XX:Tier4InvocationThreshold=150000".to_owned(),
            "-XX:Tier4MinInvocationThreshold=18000".to_owned(),
            "-XX:Tier4CompileThreshold=450000".to_owned(),
            "-XX:Tier4BackEdgeThreshold=1200000".to_owned(),
            "-XX:Tier3DelayOn=0".to_owned(),
            // No file with all flags in a folder that others can list.
            "-XX:-UsePerfData".to_owned(),
            "-XX:+IgnoreUnrecognizedVMOptions".to_owned(),
        ];
        let opened = OPENED.iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
        flags.extend(opened);
        flags.push("--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED".to_owned());
        if self.major >= RESTRICTS_UNSAFE {
            flags.push("--sun-misc-unsafe-memory-access=allow".to_owned());
            flags.push("--enable-native-access=ALL-UNNAMED".to_owned());
        }
        flags.push("-Djdk.reflect.useDirectMethodHandle=false".to_owned());
        flags.push("-Dio.netty.tryReflectionSetAccessible=true".to_owned());
        match &self.archive {
            None => {}
            Some(Archive::Use(path)) => {
                flags.push(format!("-XX:SharedArchiveFile={}", path.display()));
                // At the address it was made for, and not at one that has to be written into every class of it first: that
                // takes a tenth or a fifth of a second, and leaves nothing of it for engines to share.
                flags.extend(
                    ["-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0"].map(str::to_owned),
                );
                // One that does not fit is left aside, without a word in the session's log.
                flags.extend(["-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"].map(str::to_owned));
            }
            Some(Archive::Make(path)) => flags.push(format!("-XX:ArchiveClassesAtExit={}", path.display())),
        }
        flags
    }
}

/// Arguments as the text of a file for `java @FILE`, each in quotes on a line of its own.
///
/// A zero byte cannot be in an argument; what follows one is left out.
pub fn argument_file(arguments: &[String]) -> String {
    let mut text = String::new();
    for argument in arguments {
        text.push('"');
        for c in argument.chars().take_while(|c| *c != '\0') {
            // The escapes of the `java` command's manual, section "java Command-Line Argument Files".
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\u{c}' => text.push_str("\\f"),
                c => text.push(c),
            }
        }
        text.push_str("\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stay_one_each_whatever_is_in_them() {
        let arguments = ["-Da=b c", "-Dq=\"\\ # 'x'", "-Dn=1\n2\r\t", "-Dz=a\0b"].map(str::to_owned);
        assert_eq!(
            argument_file(&arguments),
            "\"-Da=b c\"\n\"-Dq=\\\"\\\\ # 'x'\"\n\"-Dn=1\\n2\\r\\t\"\n\"-Dz=a\"\n"
        );
    }

    #[test]
    fn a_newer_java_is_told_what_spark_does() {
        let jvm = |major| Jvm {
            program: "/j/bin/java".into(),
            major,
            archive: Some(Archive::Use("/a.jsa".into())),
        };
        let allows = |flags: &[String]| flags.iter().any(|flag| flag.contains("unsafe"));
        let flags = jvm(17).flags("2g");
        assert!(!allows(&flags) && allows(&jvm(25).flags("2g")));
        assert!(flags.contains(&"-Xmx2g".to_owned()));
        assert!(flags.contains(&"-XX:SharedArchiveFile=/a.jsa".to_owned()));
    }
}
