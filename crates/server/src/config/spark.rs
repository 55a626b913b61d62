//! What sessions on Apache Spark may be connected to: cluster masters and metastores.

use std::fmt;
use std::str::FromStr;

/// Where Spark may run executors, in Spark's own form: `spark://HOST:PORT`, `yarn`, `k8s://ADDRESS`, `local[N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Master(pub(crate) String);

/// A metastore by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedMetastore {
    /// The last part of `metastoreService`.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) metastore: Metastore,
}

/// Where tables of several sessions are written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Metastore {
    /// In a Hive metastore that runs somewhere: `thrift://HOST:PORT`, several with commas.
    At(String),
    /// In one that the service runs, from the jars of an installed Spark.
    Managed,
}

/// The word for a metastore that the service runs.
const MANAGED: &str = "managed";

impl FromStr for Master {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = text == "yarn"
            || text == "local"
            || text.starts_with("local[") && text.ends_with(']')
            || ["spark://", "k8s://"]
                .iter()
                .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
        let fits = known && text.chars().all(|c| c.is_ascii_graphic());
        fits.then(|| Self(text.to_owned())).ok_or_else(|| {
            format!(
                "\"{text}\" is no master of Spark: it is spark://HOST:PORT, yarn, k8s://ADDRESS, or local[N]"
            )
        })
    }
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NamedMetastore {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no metastore: write NAME=thrift://HOST:PORT, or NAME={MANAGED} for one that Hearth runs"
            )
        };
        let (name, address) = text.split_once('=').ok_or_else(wrong)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(wrong());
        }
        let metastore = match address {
            MANAGED => Metastore::Managed,
            address if is_thrift(address) => Metastore::At(address.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self { name: name.to_owned(), metastore })
    }
}

impl fmt::Display for NamedMetastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match &self.metastore {
            Metastore::At(address) => address,
            Metastore::Managed => MANAGED,
        };
        write!(f, "{}={address}", self.name)
    }
}

/// One address of Thrift, or several for a metastore that is there more than once.
fn is_thrift(addresses: &str) -> bool {
    addresses.split(',').all(|address| {
        let rest = address.strip_prefix("thrift://").and_then(|rest| rest.rsplit_once(':'));
        rest.is_some_and(|(host, port)| {
            !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic()) && port.parse::<u16>().is_ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metastores_and_masters_are_shown_as_they_are_written() {
        for text in ["dev=managed", "warehouse=thrift://hive.example:9083", "ha=thrift://a:1,thrift://b:2"] {
            assert_eq!(text.parse::<NamedMetastore>().unwrap().to_string(), text);
        }
        for text in ["spark://127.0.0.1:7077", "yarn", "k8s://https://10.0.0.1:6443", "local", "local[2]"] {
            assert_eq!(text.parse::<Master>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_with_the_form() {
        for text in ["dev", "=managed", "a b=managed", "x=hive://h:1", "x=thrift://h", "x=thrift://:1", "x="]
        {
            assert!(
                text.parse::<NamedMetastore>().unwrap_err().contains("NAME=thrift://HOST:PORT"),
                "{text}"
            );
        }
        for text in ["", "spark://", "cluster", "local[2", "spark://a b"] {
            assert!(text.parse::<Master>().unwrap_err().contains("spark://HOST:PORT"), "{text}");
        }
    }
}
