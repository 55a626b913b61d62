//! The few Spark Connect messages that the gateway speaks itself, by hand: it needs three fields of two messages, and
//! not depending on their description is what lets it forward every version of them.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::peek;

/// Whose Spark session a request is about: what the gateway reads of a `ReleaseSessionRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// `session_id`, field 1.
    pub(crate) session_id: String,
    /// `user_context`, field 2, as sent.
    pub(crate) user_context: Option<Bytes>,
}

impl Subject {
    /// Reads it from a whole message. As everywhere in protobuf the last of equal fields counts.
    pub(crate) fn parse(message: &[u8]) -> Self {
        let mut subject = Self { session_id: String::new(), user_context: None };
        for field in peek::fields(message) {
            match (field.number, field.content) {
                (1, Some(id)) => subject.session_id = String::from_utf8_lossy(id).into_owned(),
                (2, Some(context)) => subject.user_context = Some(Bytes::copy_from_slice(context)),
                _ => {}
            }
        }
        subject
    }

    /// A `ConfigRequest` that asks for no key: the cheapest call that every server answers.
    pub(crate) fn config_request(&self) -> Bytes {
        /// An empty `get` (field 2).
        const GET_NOTHING: [u8; 2] = [2 << 3 | 2, 0];
        self.config(&GET_NOTHING)
    }

    /// A `ConfigRequest` for the value of a key, if it has one: `get_option` (field 4) with a key (field 1).
    pub(crate) fn option_request(&self, key: &str) -> Bytes {
        let (mut option, mut operation) = (BytesMut::new(), BytesMut::new());
        put_field(&mut option, 1, key.as_bytes());
        put_field(&mut operation, 4, &option);
        self.config(&operation)
    }

    /// A `ConfigRequest` that sets keys: `set` (field 1) with pairs (field 1) of a key (field 1) and a value (field 2).
    pub(crate) fn set_request<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Bytes {
        let (mut set, mut operation) = (BytesMut::new(), BytesMut::new());
        for (key, value) in pairs {
            let mut pair = BytesMut::new();
            put_field(&mut pair, 1, key.as_bytes());
            put_field(&mut pair, 2, value.as_bytes());
            put_field(&mut set, 1, &pair);
        }
        put_field(&mut operation, 1, &set);
        self.config(&operation)
    }

    /// A `ConfigRequest` with an `operation` (field 3).
    fn config(&self, operation: &[u8]) -> Bytes {
        let mut message = BytesMut::new();
        put_field(&mut message, 1, self.session_id.as_bytes());
        if let Some(context) = &self.user_context {
            put_field(&mut message, 2, context);
        }
        put_field(&mut message, 3, operation);
        framed(&message)
    }

    /// `user_id` (field 1) of the user context; empty for none.
    pub(crate) fn user_id(&self) -> String {
        let context = self.user_context.as_deref().unwrap_or_default();
        let id =
            peek::fields(context).filter(|field| field.number == 1).last().and_then(|field| field.content);
        String::from_utf8_lossy(id.unwrap_or_default()).into_owned()
    }

    /// An `ExecutePlanRequest` for the rows of a query: `plan` (field 3), `root` (field 1), `sql` (field 10), its text.
    pub(crate) fn query_request(&self, query: &str) -> Bytes {
        self.plan(1, 10, query)
    }

    /// The same as a command, which is how clients send a statement first: `command` (field 2), `sql_command` (field 5).
    pub(crate) fn statement_request(&self, statement: &str) -> Bytes {
        self.plan(2, 5, statement)
    }

    fn plan(&self, kind: u8, sql: u8, text: &str) -> Bytes {
        let [mut inner, mut middle, mut plan] = std::array::from_fn(|_| BytesMut::new());
        put_field(&mut inner, 1, text.as_bytes());
        put_field(&mut middle, sql, &inner);
        put_field(&mut plan, kind, &middle);
        let mut message = BytesMut::new();
        put_field(&mut message, 1, self.session_id.as_bytes());
        if let Some(context) = &self.user_context {
            put_field(&mut message, 2, context);
        }
        put_field(&mut message, 3, &plan);
        framed(&message)
    }

    /// A `ReleaseSessionRequest`.
    pub(crate) fn release_request(&self) -> Bytes {
        let mut message = BytesMut::new();
        put_field(&mut message, 1, self.session_id.as_bytes());
        if let Some(context) = &self.user_context {
            put_field(&mut message, 2, context);
        }
        framed(&message)
    }

    /// The `AddArtifactsResponse` for it: these artifacts have arrived. The fields of both ids have other numbers here.
    pub(crate) fn artifacts_response<'a>(
        &self,
        server_side_session_id: Option<&[u8]>,
        names: impl Iterator<Item = &'a str>,
    ) -> Bytes {
        let mut message = BytesMut::new();
        put_field(&mut message, 2, self.session_id.as_bytes());
        if let Some(id) = server_side_session_id {
            put_field(&mut message, 3, id);
        }
        put_summaries(&mut message, names);
        framed(&message)
    }

    /// The `ReleaseSessionResponse` for it. Clients compare `server_side_session_id` (field 2) with what earlier
    /// answers said.
    pub(crate) fn release_response(&self, server_side_session_id: Option<&[u8]>) -> Bytes {
        let mut message = BytesMut::new();
        put_field(&mut message, 1, self.session_id.as_bytes());
        if let Some(id) = server_side_session_id {
            put_field(&mut message, 2, id);
        }
        framed(&message)
    }
}

/// `server_side_session_id` (field 4) of a framed `ConfigResponse`.
pub(crate) fn server_side_session_id(body: &[u8]) -> Option<&[u8]> {
    match peek::whole_message(body)? {
        (false, message) => peek::fields(message).filter(|field| field.number == 4).last()?.content,
        (true, _) => None,
    }
}

/// Whether any of the pairs (field 2) of a framed `ConfigResponse` has a value (field 2).
pub(crate) fn has_value(body: &[u8]) -> bool {
    let Some((false, message)) = peek::whole_message(body) else { return false };
    let mut pairs = peek::fields(message).filter(|field| field.number == 2).filter_map(|field| field.content);
    pairs.any(|pair| peek::fields(pair).any(|field| field.number == 2 && field.content.is_some()))
}

/// A framed `AddArtifactsResponse` of an engine with these artifacts added; `None` if it is not one that can be read.
pub(crate) fn with_summaries<'a>(body: &[u8], names: impl Iterator<Item = &'a str>) -> Option<Bytes> {
    let (false, message) = peek::whole_message(body)? else { return None };
    let mut message = BytesMut::from(message);
    // Fields of a kind that there may be many of can be anywhere.
    put_summaries(&mut message, names);
    Some(framed(&message))
}

/// `artifacts` (field 1): for each its name (field 1), and that its checksum is right (field 2).
fn put_summaries<'a>(message: &mut BytesMut, names: impl Iterator<Item = &'a str>) {
    for name in names {
        let mut summary = BytesMut::new();
        put_field(&mut summary, 1, name.as_bytes());
        summary.put_slice(&[2 << 3, 1]);
        put_field(message, 1, &summary);
    }
}

/// A user context with this `user_id` (field 1).
pub(crate) fn user_context(user_id: &str) -> Bytes {
    let mut context = BytesMut::new();
    put_field(&mut context, 1, user_id.as_bytes());
    context.freeze()
}

pub(crate) fn put_field(message: &mut BytesMut, number: u8, content: &[u8]) {
    message.put_u8(number << 3 | 2);
    let mut length = content.len();
    while length >= 0x80 {
        message.put_u8(u8::try_from(length & 0x7f).expect("seven bits fit") | 0x80);
        length >>= 7;
    }
    message.put_u8(u8::try_from(length).expect("seven bits fit"));
    message.put_slice(content);
}

/// The message with gRPC's frame header before it, not compressed.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("our own messages are small");
    let mut body = BytesMut::with_capacity(message.len() + 5);
    body.put_u8(0);
    body.put_u32(length);
    body.put_slice(message);
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_our_own_can_be_read_back() {
        let subject = Subject { session_id: "s".repeat(200), user_context: Some(user_context("ann")) };
        let body = subject.release_request();
        let (compressed, message) = peek::whole_message(&body).unwrap();
        assert!(!compressed);
        assert_eq!(Subject::parse(message), subject);
        assert_eq!(
            peek::session_id(&subject.config_request()),
            peek::Peek::Found(subject.session_id.as_bytes())
        );
    }

    #[test]
    fn settings_are_asked_for_and_set_in_the_engines_form() {
        let subject = Subject { session_id: "s".to_owned(), user_context: Some(user_context("ann")) };
        assert_eq!(subject.user_id(), "ann");
        assert_eq!(
            subject.option_request("k")[5..],
            *b"\x0a\x01s\x12\x05\x0a\x03ann\x1a\x05\x22\x03\x0a\x01k"
        );
        let set = subject.set_request([("k", "v")].into_iter());
        assert_eq!(set[15..], *b"\x1a\x0a\x0a\x08\x0a\x06\x0a\x01k\x12\x01v");
        // One pair with a value, one without.
        assert!(has_value(b"\0\0\0\0\x08\x12\x06\x0a\x01k\x12\x01v"));
        assert!(!has_value(b"\0\0\0\0\x05\x12\x03\x0a\x01k"));
    }

    #[test]
    fn the_server_side_id_is_field_four() {
        assert_eq!(server_side_session_id(&[0, 0, 0, 0, 6, 0x0a, 1, b'a', 0x22, 1, b'b']), Some(&b"b"[..]));
        assert_eq!(server_side_session_id(&[0, 0, 0, 0, 3, 0x0a, 1, b'a']), None);
        assert_eq!(server_side_session_id(&[]), None);
    }
}
