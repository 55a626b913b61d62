//! How the commands of a client end, as a number for scripts. The one place that says so.

use std::process::ExitCode;

use hearth_client::ErrorKind;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all was done.
    Done,
    /// 1: something failed that has no number of its own.
    Failed,
    /// 2: the command or a value in it is wrong, whoever found out. The parser of the command line uses it as well.
    Usage,
    /// 3: what was named does not exist.
    NotFound,
    /// 4: the caller is not known, or may not.
    Denied,
    /// 5: the name is taken, or the state of things does not allow it.
    Conflict,
    /// 6: the service cannot be reached, or cannot do it now.
    Unavailable,
    /// 130: interrupted from the keyboard, as shells number it (128 and the signal's number).
    Interrupted,
}

/// What `--help` says of the numbers.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 not allowed, 5 conflict, 6 service not available,
130 interrupted";

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Denied => 4,
            Self::Conflict => 5,
            Self::Unavailable => 6,
            Self::Interrupted => 130,
        }
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Usage,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::AlreadyExists | ErrorKind::Conflict => Self::Conflict,
            ErrorKind::PermissionDenied | ErrorKind::Unauthenticated => Self::Denied,
            ErrorKind::Unavailable | ErrorKind::Exhausted => Self::Unavailable,
            ErrorKind::Cancelled | ErrorKind::Unimplemented | ErrorKind::Internal => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
