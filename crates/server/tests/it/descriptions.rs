//! The API described for machines.

use serde_json::json;

use crate::server;

#[test]
fn the_descriptions_are_served_to_anyone() {
    let server = server();
    let nobody = server.rest().with_token(None);
    let openapi = nobody.get("/openapi.json").ok();
    assert_eq!(openapi["openapi"], "3.1.0");
    let create = &openapi["paths"]["/v1/projects/{project}/locations/{location}/sessions"]["post"];
    assert_eq!(create["operationId"], "CreateSession");

    for path in ["/$discovery/rest?version=v1", "/$discovery/rest"] {
        let discovery = nobody.get(path).ok();
        assert_eq!(discovery["rootUrl"], format!("http://{}/", server.address()));
        let sessions = &discovery["resources"]["projects"]["resources"]["locations"]["resources"]["sessions"];
        assert_eq!(sessions["methods"]["terminate"]["path"], json!("v1/{+name}:terminate"));
    }
    server.rest().get("/$discovery/rest?version=v2").error(404, "NOT_FOUND");
}

#[test]
fn a_page_of_this_machine_may_read_them() {
    let server = server();
    let answer =
        server.rest().with_token(None).with_header("origin", "http://localhost:1").get("/openapi.json");
    assert_eq!(answer.headers["access-control-allow-origin"], "http://localhost:1");
}
