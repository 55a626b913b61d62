//! Answers in the forms that `--output` names.

pub mod table;
pub mod yaml;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::api::Method;
use crate::files::Pending;
use crate::options::Form;

/// The same value with keys in alphabetical order, whatever order the JSON library keeps.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(
                members.into_iter().map(|(name, member)| (name, sorted(member))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The original's view of an answer: nulls removed everywhere, keys sorted; unknown fields stay.
pub fn original(value: Value) -> Value {
    match value {
        Value::Object(members) => sorted(Value::Object(
            members.into_iter().filter(|(_, m)| !m.is_null()).map(|(n, m)| (n, original(m))).collect(),
        )),
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !item.is_null()).map(original).collect())
        }
        other => other,
    }
}

/// An answer as text.
pub fn render(value: Value, form: Form, method: &Method, color: bool) -> String {
    let value = original(value);
    match form {
        Form::Original => pretty(&value),
        Form::Json => pretty(&value) + "\n",
        Form::Yaml => yaml::render(&value),
        Form::Table => table::render(&value, method, color),
        Form::Name => names(&value),
    }
}

fn pretty(value: &Value) -> String {
    // Maps with text keys always have a JSON form.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The names in an answer: of the resource, or of each item of a list.
fn names(value: &Value) -> String {
    let mut out = String::new();
    let items = table::items(value);
    for item in items.unwrap_or_else(|| vec![value]) {
        if let Some(name) = name_of(item) {
            out.push_str(name);
            out.push('\n');
        }
    }
    out
}

/// The name of a resource; clusters and jobs have theirs elsewhere.
pub fn name_of(item: &Value) -> Option<&str> {
    ["/name", "/clusterName", "/reference/jobId", "/id"].iter().find_map(|at| item.pointer(at)?.as_str())
}

/// Where the answer goes.
#[derive(Debug)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// A file that is put in place when everything went well.
    File(PathBuf),
    /// Something that cannot be replaced, only written: a device, a pipe, a file in a folder of others.
    Device(std::fs::File, PathBuf),
}

impl Sink {
    /// Opens the output; `-` and nothing are standard output.
    ///
    /// # Errors
    /// The file cannot be made; nothing has been changed then.
    pub fn open(path: Option<&str>) -> Result<Self, (String, io::Error)> {
        let Some(given) = path.filter(|path| *path != "-") else { return Ok(Self::Stdout) };
        let path = Path::new(given);
        let fail = |why| (given.to_owned(), why);
        match std::fs::metadata(path) {
            Ok(found) if !found.is_file() && !found.is_dir() => {
                let file = std::fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
                Ok(Self::Device(file, path.to_owned()))
            }
            found => match Pending::new(path, 0o666) {
                // That it can be made is known now. It is made when there is something to write, so that a call
                // that is broken off leaves nothing behind.
                Ok(_) => Ok(Self::File(path.to_owned())),
                // A file of ours in a folder of others can only be overwritten.
                Err(why)
                    if why.kind() == io::ErrorKind::PermissionDenied && found.is_ok_and(|f| f.is_file()) =>
                {
                    let file = std::fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
                    Ok(Self::Device(file, path.to_owned()))
                }
                Err(why) => Err(fail(why)),
            },
        }
    }

    /// Writes the answer.
    ///
    /// # Errors
    /// The disk is full, for example; a file's old content is still there then.
    pub fn write(self, text: &str) -> io::Result<()> {
        match self {
            Self::Stdout => print(text),
            Self::File(path) => Pending::new(&path, 0o666)?.finish(text.as_bytes()),
            Self::Device(mut file, _) => {
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file.write_all(text.as_bytes())
            }
        }
    }

    /// What to call it in a message.
    pub fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".to_owned(),
            Self::File(path) | Self::Device(_, path) => path.display().to_string(),
        }
    }
}

/// Writes to standard output; a reader that went away is no error.
///
/// # Errors
/// Anything else that goes wrong.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nulls_go_everywhere_and_unknown_fields_stay() {
        let value = original(json!({"b": null, "a": [1, null, {"x": null, "new-field": 1}]}));
        assert_eq!(value, json!({"a": [1, {"new-field": 1}]}));
    }

    #[test]
    fn a_file_keeps_its_content_until_the_answer_is_whole() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("out.json");
        std::fs::write(&path, "old").expect("written");
        let given = path.to_str().expect("UTF-8");
        drop(Sink::open(Some(given)).expect("opened"));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "old");
        Sink::open(Some(given)).expect("opened").write("new").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "new");
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
