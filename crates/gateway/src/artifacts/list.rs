//! What a list of packages says.

use serde_json::Value;

use crate::artifacts::splitter::List;
use crate::status::{Code, Refusal};

/// The only version of the form there is (dataproc-spark-connect 1.1.0).
const VERSION: &str = "0.5";
/// The only kind of packages in it.
const PYPI: &str = "PYPI";

/// The packages that a list asks for, as written.
///
/// # Errors
/// When it is not in the one form that is known.
pub fn packages(list: &List) -> Result<Vec<String>, Refusal> {
    read(&list.content).map_err(|wrong| {
        let hint = "Use addArtifacts(\"NAME==VERSION\", pypi=True) of Google's Spark Connect client";
        let text = format!("Invalid list of packages \"{}\": {wrong}. {hint}", list.name);
        Refusal::new(Code::InvalidArgument, text)
    })
}

fn read(content: &[u8]) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_slice(content).map_err(|error| format!("it is no JSON: {error}"))?;
    let is = |key: &str, wanted: &str| match &value[key] {
        Value::String(text) if text == wanted => Ok(()),
        Value::Null => Err(format!("it has no {key}")),
        other => Err(format!("its {key} is {other}, and only \"{wanted}\" is known")),
    };
    // The version first: another one may look different altogether.
    is("version", VERSION)?;
    is("packageType", PYPI)?;
    let packages = value["packages"].as_array().ok_or("its packages are no list")?;
    let text = |package: &Value| package.as_str().map(str::to_owned);
    packages
        .iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| "its packages are not all texts".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Vec<String>, Refusal> {
        packages(&List { name: "files/x.json".to_owned(), content: content.as_bytes().to_vec() })
    }

    #[test]
    fn packages_are_read_as_written() {
        let read = read(r#"{"version":"0.5","packageType":"PYPI","packages":["b>=1,<2","a"]}"#);
        assert_eq!(read.unwrap(), ["b>=1,<2", "a"]);
    }

    #[test]
    fn every_other_form_is_refused_with_what_is_wrong() {
        for (content, wrong) in [
            ("", "it is no JSON: EOF while parsing"),
            ("[]", "it has no version"),
            (r#"{"version":"0.6","packages":{}}"#, "its version is \"0.6\", and only \"0.5\" is known"),
            (r#"{"version":"0.5","packageType":"CONDA","packages":[]}"#, "its packageType is \"CONDA\""),
            (r#"{"version":"0.5","packageType":"PYPI"}"#, "its packages are no list"),
            (r#"{"version":"0.5","packageType":"PYPI","packages":[1]}"#, "its packages are not all texts"),
        ] {
            let refusal = read(content).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidArgument);
            assert!(refusal.message.contains(wrong) && refusal.message.contains("files/x.json"), "{refusal}");
        }
    }
}
