//! Pages in browsers.

use hearth_testkit::{Answer, Options, PARENT, Rest, TestServer, connect_session};

use crate::without_engines;

const PAGE: &str = "http://localhost:8888";
const STRANGER: &str = "https://stranger.example";

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

/// The first line of a conversation: may a page of `origin` make such a call?
fn preflight(rest: &Rest, origin: &str, path: &str, method: &str) -> Answer {
    let rest = rest.with_token(None).with_header("origin", origin);
    let rest = rest.with_header("access-control-request-headers", "authorization,content-type");
    rest.with_header("access-control-request-method", method).call("OPTIONS", path, "")
}

#[test]
fn a_page_of_this_machine_may_call_every_method_and_needs_no_token_to_ask() {
    let server = without_engines().start();
    for (path, method) in [
        (format!("/v1/{PARENT}/sessions?pageSize=1000&pageToken="), "GET"),
        (format!("/v1/{PARENT}/sessions/s"), "DELETE"),
        (format!("/v1/{PARENT}/sessions/s:terminate"), "POST"),
        (format!("/v1/{PARENT}/sessionTemplates/t"), "PATCH"),
        ("/hearth/v1/server".to_owned(), "GET"),
    ] {
        let answer = preflight(server.rest(), PAGE, &path, method);
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(PAGE));
        let methods = header(&answer, "access-control-allow-methods").unwrap();
        assert!(methods.split(", ").any(|known| known == method), "{method} is not in {methods}");
        let headers = header(&answer, "access-control-allow-headers").unwrap();
        for name in ["authorization", "content-type"] {
            assert!(headers.split(", ").any(|known| known == name), "{name} is not in {headers}");
        }
        let vary: Vec<&str> =
            answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.iter().any(|value| value.eq_ignore_ascii_case("origin")), "{vary:?}");
    }
}

#[test]
fn answers_and_errors_alike_are_handed_to_the_page_and_to_no_other() {
    let server = without_engines().start();
    let path = format!("/v1/{PARENT}/sessions");
    let good = server.rest().with_header("origin", PAGE).get(&path);
    let refused = server.rest().with_token(None).with_header("origin", PAGE).get(&path);
    assert_eq!((good.status, refused.status), (200, 401));
    for answer in [good, refused] {
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(PAGE));
        assert_eq!(header(&answer, "vary"), Some("Origin"));
    }
    let other = server.rest().with_header("origin", STRANGER).get(&path);
    assert_eq!(header(&other, "access-control-allow-origin"), None);
    assert_eq!(
        header(&other, "vary"),
        Some("Origin"),
        "a cache must not hand one page the answer for another"
    );
    let none = server.rest().get(&path);
    assert_eq!(header(&none, "access-control-allow-origin"), None);

    let answer = preflight(server.rest(), STRANGER, &path, "GET");
    assert!(answer.error(403, "PERMISSION_DENIED").contains("cors.origins"));
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
}

#[test]
fn the_operator_says_which_pages_may_call() {
    let allowed = |options: Options, origin: &str| {
        let server = options.start();
        let answer = preflight(server.rest(), origin, &format!("/v1/{PARENT}/sessions"), "GET");
        header(&answer, "access-control-allow-origin").is_some()
    };
    let only = || without_engines().set("cors.origins=https://lab.example.com");
    assert!(allowed(only(), "https://lab.example.com"));
    assert!(!allowed(only(), PAGE), "the default does not hold any more");
    assert!(allowed(without_engines().set("cors.origins=*"), STRANGER));
    assert!(!allowed(without_engines().set("cors.origins="), PAGE));
}

#[test]
fn without_tokens_a_page_of_another_site_gets_nothing_done() {
    let server: TestServer = without_engines().arg("--auth").arg("none").start();
    let path = format!("/v1/{PARENT}/sessions?sessionId=made");
    let body = connect_session("made").to_string();
    // What a form or a script can send without asking first.
    for (name, value) in [("origin", STRANGER), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let answer = server.rest().with_header(name, value).call("POST", &path, &body);
        answer.error(403, "PERMISSION_DENIED");
    }
    assert_eq!(server.session("made").status, 404, "nothing was done");
    let own = format!("http://{}", server.address());
    server.rest().with_header("origin", &own).call("POST", &path, &body).ok();
    let link =
        server.rest().with_header("sec-fetch-site", "cross-site").with_header("sec-fetch-mode", "navigate");
    link.get(&format!("/v1/{PARENT}/sessions")).ok();
}
