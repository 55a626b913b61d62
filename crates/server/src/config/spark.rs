//! What sessions on Apache Spark may be connected to: cluster masters, metastores and history servers.

use std::fmt;
use std::str::FromStr;

use http::Uri;

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

/// A history server of Spark by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedHistoryServer {
    /// The last part of `dataprocCluster`.
    pub(crate) name: String,
    /// The address that it reads event logs from: `file:///DIRECTORY`, `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`.
    pub(crate) events: String,
    /// The address of its web pages, without a slash at the end.
    pub(crate) pages: String,
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
        let (name, address) = named(text).ok_or_else(wrong)?;
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

impl FromStr for NamedHistoryServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no history server: write NAME=EVENTS PAGES, as in \
                 \"team=file:///srv/spark-events http://history.example:18080\""
            )
        };
        let (name, addresses) = named(text).ok_or_else(wrong)?;
        let mut addresses = addresses.split_whitespace();
        let (Some(events), Some(pages), None) = (addresses.next(), addresses.next(), addresses.next()) else {
            return Err(wrong());
        };
        let is_web = pages.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.query().is_none()
                && !pages.contains('@')
        });
        if !events.contains("://") || !is_web {
            return Err(wrong());
        }
        let pages = pages.trim_end_matches('/').to_owned();
        Ok(Self { name: name.to_owned(), events: events.to_owned(), pages })
    }
}

impl fmt::Display for NamedHistoryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} {}", self.name, self.events, self.pages)
    }
}

/// A name that can be the last part of a resource's, and what it stands for.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, meant) = text.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(plain)).then_some((name, meant))
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
        for text in ["team=file:///srv/events http://history.example:18080", "s=s3://b/p https://h/spark"] {
            assert_eq!(text.parse::<NamedHistoryServer>().unwrap().to_string(), text);
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
        for text in [
            "",
            "team=file:///srv/events",
            "team=http://history.example",
            "team=/srv/events http://h",
            "team=file:///e history.example:18080",
            "team=file:///e ftp://h",
            "team=file:///e http://user:secret@h",
            "a b=file:///e http://h",
            "team=file:///e http://h http://i",
        ] {
            assert!(text.parse::<NamedHistoryServer>().unwrap_err().contains("NAME=EVENTS PAGES"), "{text}");
        }
        for text in ["", "spark://", "cluster", "local[2", "spark://a b"] {
            assert!(text.parse::<Master>().unwrap_err().contains("spark://HOST:PORT"), "{text}");
        }
    }
}
