use super::*;

/// What a kernel says for a request of whoever has this mark.
fn said(mark: &str, text: &str) -> Message {
    let asked = json!({"msg_id": format!("of {mark}"), "msg_type": "execute_request", "session": mark});
    let content = json!({"name": "stdout", "text": text});
    notice::message(&id(), &now(), "kernel", "stream", Some(&asked.to_string().into()), &content)
}

fn text(message: &WsMessage) -> String {
    let message: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    message["content"]["text"].as_str().unwrap_or_default().to_owned()
}

/// Everything that a client is sent, as its text and whether it is pressing.
fn rest(hub: &Hub, client: &str) -> Vec<(String, bool)> {
    let (mut after, mut all) = (0, Vec::new());
    while let Some(next) = hub.next(after, client, Framing::Json) {
        all.push((text(&next.message), next.pressing));
        after = next.number;
    }
    all
}

#[test]
fn what_another_client_has_asked_for_is_not_pressing() {
    let hub = Hub::new();
    for client in ["a", "b", "silent"] {
        hub.enter(client);
    }
    hub.inner().marks.extend([("a".into(), "mark-a".into()), ("b".into(), "mark-b".into())]);
    hub.heard(0, Channel::Iopub, said("mark-a", "1"));
    hub.heard(0, Channel::Iopub, said("mark-b", "2"));
    hub.notice("3", false);
    let read =
        |client| rest(&hub, client).into_iter().map(|(text, pressing)| format!("{}{pressing}", text.trim()));
    assert!(read("a").eq(["1true", "2false", "3true"]));
    assert!(read("b").eq(["1false", "2true", "3true"]));
    assert!(read("silent").eq(["1true", "2true", "3true"]), "nobody knows what it waits for");
    hub.leave("b");
    assert!(read("b").eq(["1true", "2true", "3true"]), "it may come back with another mark");
}

#[test]
fn each_client_gets_every_message_in_its_own_form() {
    let hub = Hub::new();
    let sent: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for text in &sent {
        hub.heard(0, Channel::Iopub, said("mark", text));
    }
    for client in ["a", "b"] {
        let read: Vec<_> = rest(&hub, client).into_iter().map(|(text, _)| text).collect();
        assert_eq!(read, sent);
        let binary = hub.next(39, client, Framing::V1).unwrap();
        assert!(matches!(binary.message, WsMessage::Binary(_)));
        assert_eq!(binary.number, 40);
    }
}
