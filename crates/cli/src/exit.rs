//! Exit codes.
//!
//! Scripts written for the original rely on 0, 1, 3 and 4. `--exit-codes detailed` tells the rest apart.

/// Success, help and version.
pub const SUCCESS: u8 = 0;
/// Any failure without a code of its own; with the classic codes nearly all of them.
pub const FAILURE: u8 = 1;
/// The configuration folder cannot be used.
pub const CONFIGURATION: u8 = 3;
/// The OAuth client's file cannot be used.
pub const SECRET: u8 = 4;

/// What failed, as far as exit codes tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The words cannot be understood, or a value is wrong.
    Usage,
    /// The configuration folder, contexts or certificates.
    Configuration,
    /// The OAuth client's file.
    Secret,
    /// No sign-in, or the service does not accept it (401).
    SignIn,
    /// 403.
    Permission,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 400, 412 and other refusals of the request.
    Refused,
    /// 429.
    Exhausted,
    /// 5xx, and answers that make no sense.
    Server,
    /// Nothing was reached.
    Unreachable,
    /// A time limit was over.
    Timeout,
    /// The awaited operation failed.
    Operation,
    /// A file could not be written.
    Output,
}

/// Code and explanation of every cause with `--exit-codes detailed`, for help and the manual.
pub const DETAILED: &[(Cause, u8, &str)] = &[
    (Cause::Usage, 2, "the words cannot be understood, or a value is wrong; nothing was sent"),
    (
        Cause::Configuration,
        CONFIGURATION,
        "the configuration folder, a context or a certificate file cannot be used",
    ),
    (Cause::Secret, SECRET, "the OAuth client's file cannot be used"),
    (Cause::SignIn, 5, "no sign-in, or the service did not accept it (401)"),
    (Cause::Permission, 6, "signed in, but not allowed (403)"),
    (Cause::NotFound, 7, "there is no such resource (404)"),
    (Cause::Conflict, 8, "it is there already, or something else is going on with it (409)"),
    (Cause::Refused, 9, "the service refused the request (400 and other 4xx)"),
    (Cause::Exhausted, 10, "a quota or a rate limit was reached (429)"),
    (Cause::Server, 11, "the service failed (5xx), or its answer makes no sense"),
    (Cause::Unreachable, 12, "the service could not be reached"),
    (Cause::Timeout, 13, "a time limit was over"),
    (Cause::Operation, 14, "the operation waited for ended in an error"),
    (Cause::Output, 15, "the output could not be written"),
];

/// The code of a cause.
pub fn code(cause: Cause, detailed: bool) -> u8 {
    let code = DETAILED.iter().find(|(known, ..)| *known == cause).map_or(FAILURE, |(_, code, _)| *code);
    match cause {
        _ if detailed => code,
        Cause::Configuration | Cause::Secret => code,
        _ => FAILURE,
    }
}

/// The cause of an HTTP status that is no success.
pub fn of_status(status: u16) -> Cause {
    match status {
        401 => Cause::SignIn,
        403 => Cause::Permission,
        404 => Cause::NotFound,
        409 => Cause::Conflict,
        429 => Cause::Exhausted,
        408 | 504 => Cause::Timeout,
        400..=499 => Cause::Refused,
        _ => Cause::Server,
    }
}
