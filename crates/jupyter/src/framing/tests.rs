//! Both forms: what Jupyter's own code makes of the same message, round trips, and frames that are none.

use proptest::prelude::*;

use super::*;

fn message(content: &str, buffers: &[&'static [u8]]) -> Message {
    Message {
        header: Bytes::from_static(br#"{"msg_id":"1","msg_type":"t"}"#),
        parent_header: Bytes::from_static(b"{}"),
        metadata: Bytes::from_static(b"{}"),
        content: Bytes::copy_from_slice(content.as_bytes()),
        buffers: buffers.iter().map(|buffer| Bytes::from_static(buffer)).collect(),
    }
}

#[test]
fn a_client_gets_the_form_it_asks_for() {
    assert_eq!(Framing::choose(""), (Framing::Json, None));
    assert_eq!(Framing::choose("graphql-ws"), (Framing::Json, None));
    let v1 = (Framing::V1, Some(Framing::V1_SUBPROTOCOL));
    assert_eq!(Framing::choose(Framing::V1_SUBPROTOCOL), v1);
    assert_eq!(Framing::choose("other, v1.kernel.websocket.jupyter.org"), v1);
}

#[test]
fn v1_is_laid_out_as_jupyter_lays_it_out() {
    let Frame::Binary(frame) = Framing::V1.encode(Channel::Iopub, &message("{}", &[b"xy"])) else {
        panic!("not binary");
    };
    let numbers: Vec<u64> =
        frame[..64].chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect();
    // Seven offsets: of the channel, of four parts, of a buffer, and the end.
    assert_eq!(numbers, [7, 64, 69, 98, 100, 102, 104, 106]);
    assert_eq!(&frame[64..69], b"iopub");
    assert_eq!(&frame[104..], b"xy");
}

#[test]
fn the_older_form_is_text_with_the_channel_and_both_ids() {
    let Frame::Text(text) = Framing::Json.encode(Channel::Shell, &message(r#"{"a":[1]}"#, &[])) else {
        panic!("not text");
    };
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "header": {"msg_id": "1", "msg_type": "t"}, "msg_id": "1", "msg_type": "t", "parent_header": {},
        "metadata": {}, "content": {"a": [1]}, "buffers": [], "channel": "shell",
    });
    assert_eq!(shown, expected);
}

#[test]
fn what_a_client_leaves_out_is_filled_in() {
    let text = r#"{"header": {"msg_id": "1"}, "parent_header": null, "more": 1}"#;
    let (channel, message) = Framing::Json.decode(Frame::Text(text.to_owned())).unwrap();
    assert_eq!(channel, Channel::Shell);
    assert_eq!((&message.parent_header[..], &message.content[..]), (&b"{}"[..], &b"{}"[..]));
}

#[test]
fn what_is_no_message_is_refused_in_words() {
    let text = |text: &str| Framing::Json.decode(Frame::Text(text.to_owned())).unwrap_err().to_string();
    assert!(text("{").contains("not a message"));
    assert!(text(r#"{"channel": "shell"}"#).contains("header"));
    assert!(text(r#"{"header": [], "channel": "shell"}"#).contains("not an object"));
    assert_eq!(text(r#"{"header": {}, "channel": "shel"}"#), "there is no channel \"shel\"");
    let v1 = Framing::V1.decode(Frame::Text("{}".to_owned())).unwrap_err();
    assert_eq!(v1, FrameError::TextInV1);
}

fn object() -> impl Strategy<Value = Bytes> {
    let member = ("[a-z]{1,6}", ".{0,12}");
    proptest::collection::vec(member, 0..4).prop_map(|members| {
        let object: serde_json::Map<_, _> =
            members.into_iter().map(|(name, value)| (name, serde_json::Value::from(value))).collect();
        Bytes::from(serde_json::Value::Object(object).to_string())
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let buffers = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4);
    (object(), object(), object(), object(), buffers).prop_map(
        |(header, parent_header, metadata, content, buffers)| Message {
            header,
            parent_header,
            metadata,
            content,
            buffers: buffers.into_iter().map(Bytes::from).collect(),
        },
    )
}

proptest! {
    #[test]
    fn every_message_comes_back_from_either_form(
        message in any_message(),
        channel in proptest::sample::select(Channel::ALL.to_vec()),
    ) {
        for framing in [Framing::Json, Framing::V1] {
            let frame = framing.encode(channel, &message);
            prop_assert_eq!(framing.decode(frame), Ok((channel, message.clone())));
        }
    }

    #[test]
    fn no_bytes_make_either_form_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for framing in [Framing::Json, Framing::V1] {
            let _ = framing.decode(Frame::Binary(Bytes::from(bytes.clone())));
            let _ = framing.decode(Frame::Text(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }

    #[test]
    fn a_damaged_frame_never_panics(
        message in any_message(), at in any::<proptest::sample::Index>(), with in any::<u8>(), cut in any::<bool>(),
    ) {
        let Frame::Binary(frame) = Framing::V1.encode(Channel::Shell, &message) else { unreachable!() };
        let mut frame = frame.to_vec();
        let at = at.index(frame.len());
        if cut { frame.truncate(at) } else { frame[at] = with }
        let _ = Framing::V1.decode(Frame::Binary(frame.into()));
    }
}
