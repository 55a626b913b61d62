//! The effective configuration, as a file that could be loaded again.

use std::fmt::Write as _;

use super::model::Config;
use super::resolve::Loaded;
use super::room::Limit;
use super::settings::{Kind, SETTINGS};
use super::source::Origin;
use super::units::{show_duration, show_size};

impl Loaded {
    /// Where the value of `key` came from; a key there is none of counts as unset.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// The effective configuration as TOML, each setting with its origin in a comment.
    ///
    /// No kind of setting holds a secret: the token lives in the state directory, and variables that are not
    /// settings are not shown. So nothing here needs to be left out.
    pub(crate) fn print(&self) -> String {
        let mut text =
            "# The effective configuration. Each comment says where the value came from.\n".to_owned();
        let mut open = None;
        for setting in SETTINGS {
            let (section, name) = setting.path();
            if section != open {
                open = section;
                let _ = writeln!(text, "\n[{}]", section.unwrap_or_default());
            }
            // A path may hold a line break, which would end the comment.
            let origin = self.origin(setting.key).to_string().replace(char::is_control, "?");
            let _ = match value(&setting.kind, &self.config) {
                Some(value) => writeln!(text, "{name} = {value}  # {origin}"),
                None => writeln!(text, "# {name} is not set  # {origin}"),
            };
        }
        text
    }
}

/// What a setting holds, as a TOML value; `None` for one that holds nothing.
pub(super) fn value(kind: &Kind, config: &Config) -> Option<toml::Value> {
    // Places hand out what they point at for writing, so this looks at a copy.
    let mut config = config.clone();
    let text = match kind {
        Kind::Addresses(place) => return Some(list(place(&mut config))),
        Kind::Segments(place) => return Some(list(place(&mut config))),
        Kind::Buckets(place) => {
            let buckets = place(&mut config).iter().map(|(bucket, uri)| format!("{bucket}={uri}"));
            return Some(list(&buckets.collect::<Vec<_>>()));
        }
        Kind::Pools(place) => return Some(list(place(&mut config))),
        Kind::Origins(place) => return Some(list(place(&mut config))),
        Kind::Masters(place) => return Some(list(place(&mut config))),
        Kind::Metastores(place) => return Some(list(place(&mut config))),
        Kind::HistoryServers(place) => return Some(list(place(&mut config))),
        Kind::Directory(place) => place(&mut config).display().to_string(),
        Kind::File(place) => place(&mut config).as_ref()?.display().to_string(),
        Kind::Uri(place) => place(&mut config).clone()?,
        Kind::Authority(place) => place(&mut config).clone()?,
        Kind::Price(place) => place(&mut config).as_ref()?.to_string(),
        Kind::Runtime(place) | Kind::Segment(place) | Kind::Filter(place) => place(&mut config).clone(),
        Kind::Duration(place, _) => show_duration(*place(&mut config)),
        Kind::Size(place, _) => show_size(*place(&mut config)),
        Kind::Memory(place) => place(&mut config).written(show_size),
        Kind::Cores(place) => match *place(&mut config) {
            Limit::Of(cores) => return Some(toml::Value::Integer(cores.cast_signed())),
            word => word.written(|cores| cores.to_string()),
        },
        Kind::Count(place, _) => return Some(toml::Value::Integer((*place(&mut config)).into())),
        Kind::Choice { get, .. } => get(&config).to_owned(),
    };
    Some(toml::Value::String(text))
}

fn list(items: &[impl ToString]) -> toml::Value {
    items.iter().map(|item| toml::Value::String(item.to_string())).collect::<Vec<_>>().into()
}
