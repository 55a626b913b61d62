//! Who makes a request.

/// Who makes a request, as authentication found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// An e-mail address or a subject.
    pub name: String,
    /// What the credential is good for.
    pub scope: Scope,
}

/// What a credential is good for, whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Full,
    /// Looking, not changing: nothing is made, ended or run with it.
    ReadOnly,
}
