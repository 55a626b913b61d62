//! Whether an installed environment is still what was installed.

use std::process::Stdio;

use crate::environment::Environment;
use crate::error::VerifyError;
use crate::runtime::Runtime;
use crate::uv::SearchPath;

/// Prints a line for each installed file that is missing or of another size than its package recorded, 20 at most.
/// Compiled bytecode is not in the record of a package.
const CHECK: &str = r#"
import importlib.metadata, os

problems, packages = [], 0
for package in importlib.metadata.distributions():
    packages += 1
    name = package.metadata["Name"] or str(package._path)
    files = package.files
    if files is None:
        problems.append("package %s has no list of its files" % name)
        continue
    for file in files:
        path = file.locate()
        try:
            size = os.stat(path).st_size
        except OSError:
            problems.append("package %s: file %s is missing" % (name, file))
            continue
        if file.size is not None and file.size != size:
            problems.append("package %s: file %s has %d bytes, not %d" % (name, file, size, file.size))
if packages == 0:
    problems.append("it holds no packages")
print("\n".join(problems[:20]))
"#;

/// Looks at every file of the environment's packages and at the runtime's data sets.
pub(crate) fn verify(
    runtime: &Runtime,
    environment: &Environment,
    search: &SearchPath,
) -> Result<(), VerifyError> {
    let interpreter = |source| VerifyError::Interpreter { runtime: runtime.full_name(), source };
    let output = search
        .command(&environment.python, &environment.root)
        .args(["-I", "-c", CHECK])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(interpreter)?;
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut problems: Vec<String> = if output.status.success() {
        said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    } else {
        let last = complained.lines().last().unwrap_or_default();
        vec![format!("its interpreter ended with {}: {last}", output.status)]
    };
    for dataset in &runtime.datasets {
        if environment.dataset(&dataset.name).is_none() {
            problems.push(format!("data set \"{}\" is missing", dataset.name));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(VerifyError::Damaged { runtime: runtime.full_name(), problems })
    }
}
