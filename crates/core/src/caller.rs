//! Who makes a request.

/// Who makes a request, as authentication found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// An e-mail address or a subject.
    pub name: String,
}
