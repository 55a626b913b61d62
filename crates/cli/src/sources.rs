//! Where documents and values come from: files, standard input, variables.

use std::io::Read as _;

use serde_json::Value;

/// Reads what words refer to.
pub trait Sources {
    /// A JSON or YAML document; `-` is standard input.
    ///
    /// # Errors
    /// A message for the report.
    fn document(&mut self, name: &str) -> Result<Value, String>;

    /// A text, without its last line end.
    ///
    /// # Errors
    /// A message for the report.
    fn text(&mut self, name: &str) -> Result<String, String>;

    /// Raw bytes.
    ///
    /// # Errors
    /// A message for the report.
    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, String>;

    /// A variable of the environment.
    ///
    /// # Errors
    /// A message for the report.
    fn variable(&mut self, name: &str) -> Result<String, String>;
}

/// The largest file that is taken for a body or a value; the API itself refuses far smaller ones.
const LARGEST: u64 = 64 << 20;

/// The real files and variables.
#[derive(Debug, Default)]
pub struct Real {
    stdin_used: bool,
}

impl Sources for Real {
    fn document(&mut self, name: &str) -> Result<Value, String> {
        let raw = self.bytes(name)?;
        let text = String::from_utf8(raw).map_err(|_| format!("File '{name}' is not UTF-8."))?;
        if text.trim().is_empty() {
            return Err(format!("File '{name}' is empty."));
        }
        // JSON has the better error messages, so what looks like it is read as it.
        if text.trim_start().starts_with(['{', '[']) {
            return serde_json::from_str(&text).or_else(|why| {
                // Flow-style YAML starts the same way.
                serde_norway::from_str(&text).map_err(|_| format!("File '{name}' is not JSON: {why}."))
            });
        }
        serde_norway::from_str(&text).map_err(|why| format!("File '{name}' is not YAML: {why}."))
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        let raw = self.bytes(name)?;
        let mut text = String::from_utf8(raw).map_err(|_| format!("File '{name}' is not UTF-8."))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() { Err(format!("File '{name}' is empty.")) } else { Ok(text) }
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let mut raw = Vec::new();
        let read = if name == "-" {
            if std::mem::replace(&mut self.stdin_used, true) {
                return Err("Standard input can be read only once.".to_owned());
            }
            std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut raw)
        } else {
            std::fs::File::open(name).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut raw))
        };
        read.map_err(|why| format!("File '{name}' could not be read: {why}."))?;
        if raw.len() as u64 > LARGEST {
            return Err(format!("File '{name}' is larger than 64 MiB."));
        }
        Ok(raw)
    }

    fn variable(&mut self, name: &str) -> Result<String, String> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) => Err(format!("Variable '{name}' is empty.")),
            Err(std::env::VarError::NotPresent) => Err(format!("Variable '{name}' is not set.")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("Variable '{name}' is not UTF-8.")),
        }
    }
}

/// Reads nothing: for completion, which must not wait for files.
#[derive(Debug)]
pub struct Nothing;

impl Sources for Nothing {
    fn document(&mut self, _: &str) -> Result<Value, String> {
        Ok(Value::Null)
    }

    fn text(&mut self, _: &str) -> Result<String, String> {
        Err(String::new())
    }

    fn bytes(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Err(String::new())
    }

    fn variable(&mut self, _: &str) -> Result<String, String> {
        Err(String::new())
    }
}
