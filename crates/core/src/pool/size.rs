//! Sizes of pools as people write them: `sail=0..2`, `sail/python=0..1` for kernels, or `TEMPLATE=1` for always one.

use std::fmt;
use std::str::FromStr;

use super::{PoolSize, PoolSubject};

/// The most engines that one pool may have. More than a machine has memory for.
const MOST: u32 = 1000;

/// A text that is no size of a pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a pool: write RUNTIME=LEAST..MOST, RUNTIME/KERNEL=LEAST..MOST or TEMPLATE=LEAST..MOST, such as \
     sail=0..2, sail/python=0..1 or projects/local/locations/local/sessionTemplates/etl=1..1"
)]
pub struct InvalidPoolSize(pub String);

impl FromStr for PoolSize {
    type Err = InvalidPoolSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (subject, range) = text.rsplit_once('=')?;
            let (least, most) = range.split_once("..").unwrap_or((range, range));
            let count = |text: &str| text.parse().ok().filter(|count| *count <= MOST);
            let (least, most) = (count(least)?, count(most)?);
            let runtime = |version: &str, kernel| {
                if version.is_empty() || version.contains(char::is_whitespace) {
                    return None;
                }
                let version = if version == "default" { "" } else { version };
                Some(PoolSubject::Runtime { version: version.to_owned(), kernel })
            };
            let of = match subject.split_once('/') {
                None => runtime(subject, None)?,
                // A template's name has more parts.
                Some((version, kernel)) if !kernel.contains('/') => {
                    runtime(version, Some(kernel.parse().ok()?))?
                }
                Some(_) => PoolSubject::Template(subject.parse().ok()?),
            };
            (least <= most && most > 0).then_some(Self { of, least, most })
        };
        read().ok_or_else(|| InvalidPoolSize(text.to_owned()))
    }
}

impl fmt::Display for PoolSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}..{}", self.of, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, shown) in [
            ("sail=0..2", "sail=0..2"),
            ("sail=1", "sail=1..1"),
            ("default=0..1", "default=0..1"),
            ("sail/python=0..1", "sail/python=0..1"),
            ("default/scala=1", "default/scala=1..1"),
            (
                "projects/p/locations/l/sessionTemplates/etl=1..3",
                "projects/p/locations/l/sessionTemplates/etl=1..3",
            ),
        ] {
            let size: PoolSize = text.parse().unwrap();
            assert_eq!(size.to_string(), shown);
            assert_eq!(shown.parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in [
            "",
            "sail",
            "sail=",
            "=1",
            "sail=2..1",
            "sail=0",
            "sail=-1",
            "sail=1..",
            "a b=1",
            "x/y=1",
            "/python=1",
            "sail/=1",
            "sail/python/=1",
            "sail=1001",
        ] {
            let error = text.parse::<PoolSize>().unwrap_err();
            assert!(error.to_string().contains("sail=0..2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_some_answer(text in ".{0,40}") {
            if let Ok(size) = text.parse::<PoolSize>() {
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }
    }
}
