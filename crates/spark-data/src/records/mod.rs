//! What Spark's monitoring API answers, typed, and as messages of ours.
//!
//! Each record is one table: Spark's name, our name, type. Spark leaves out what it does not know and newer versions
//! say more, so every member may be absent and others are passed over.

mod application;
mod environment;
mod executor;
mod job;
mod query;
mod stage;
mod task;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prost_types::Timestamp as Time;
use serde::Deserialize;

pub(crate) use application::Application;
pub(crate) use environment::Environment;
pub(crate) use executor::{Executor, ExecutorInStage};
pub(crate) use job::{Job, job_status};
pub(crate) use query::{Query, QueryNode};
pub(crate) use stage::{QUANTILES, Stage};
pub(crate) use task::Task;

/// Turns a member of a record into a field of a message.
pub(crate) trait Into_<T> {
    /// The same as the message has it.
    fn convert(self) -> T;
}

macro_rules! as_it_is {
    ($($kind:ty),*) => { $(impl Into_<$kind> for $kind {
        fn convert(self) -> $kind { self }
    })* };
}

as_it_is!(bool, i32, i64, f64, String);

impl<T, U: Into_<T>> Into_<Vec<T>> for Vec<U> {
    fn convert(self) -> Vec<T> {
        self.into_iter().map(Into_::convert).collect()
    }
}

impl<T, U: Into_<T>> Into_<Option<T>> for Option<U> {
    fn convert(self) -> Option<T> {
        self.map(Into_::convert)
    }
}

impl<T, U: Into_<T>> Into_<BTreeMap<String, T>> for BTreeMap<String, U> {
    fn convert(self) -> BTreeMap<String, T> {
        self.into_iter().map(|(key, value)| (key, value.convert())).collect()
    }
}

/// A time as Spark writes it: `2026-11-22T19:52:02.170GMT`. One before 1970 stands for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct At(pub(crate) Option<Timestamp>);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let civil = text.strip_suffix("GMT").or_else(|| text.strip_suffix('Z')).unwrap_or(&text);
        let at: DateTime = civil.parse().map_err(serde::de::Error::custom)?;
        let at = at.to_zoned(TimeZone::UTC).map_err(serde::de::Error::custom)?.timestamp();
        Ok(Self(Some(at).filter(|at| *at >= Timestamp::UNIX_EPOCH)))
    }
}

impl Into_<Option<Time>> for At {
    fn convert(self) -> Option<Time> {
        self.0.map(|at| Time { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
    }
}

/// A record, and the message it becomes. Members that need more than their name changed are set by `more`.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident => $message:ident {
            $($(#[$attribute:meta])* $from:ident -> $to:ident: $kind:ty,)*
            $(; $($(#[$other_attribute:meta])* $other:ident: $other_kind:ty,)*)?
        }
        $(more $more:expr)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(crate) struct $name {
            $($(#[$attribute])* pub(crate) $from: $kind,)*
            $($($(#[$other_attribute])* pub(crate) $other: $other_kind,)*)?
        }

        impl $crate::records::Into_<hearth_wire::dataproc::$message> for $name {
            #[expect(clippy::allow_attributes, reason = "not every record has what `more` needs")]
            fn convert(self) -> hearth_wire::dataproc::$message {
                #[allow(unused_mut, clippy::needless_update, reason = "not every record has what `more` needs")]
                let mut message = hearth_wire::dataproc::$message::default();
                $({
                    let more: fn(&$name, &mut hearth_wire::dataproc::$message) = $more;
                    more(&self, &mut message);
                })?
                $(message.$to = $crate::records::Into_::convert(self.$from);)*
                message
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_spark_writes_them() {
        let read = |text: &str| serde_json::from_value::<At>(text.into());
        assert_eq!(
            read("2026-11-22T19:52:02.170GMT").unwrap().0.unwrap().to_string(),
            "2026-11-22T19:52:02.17Z"
        );
        assert_eq!(read("1969-12-31T23:59:59.999GMT").unwrap().0, None);
        assert!(read("yesterday").is_err());
    }
}
