//! The HTTP table: which path and method lead where.

use hearth_wire::{method::methods, router::find};

const SESSIONS: &str = "google.cloud.dataproc.v1.SessionController";
const TEMPLATES: &str = "google.cloud.dataproc.v1.SessionTemplateController";
const OPERATIONS: &str = "google.longrunning.Operations";
const INSIGHT: &str = "hearth.v1.SessionInsight";
const SERVER: &str = "hearth.v1.Server";
const EMULATOR: &str = "hearth.v1.Emulator";
const USAGE: &str = "hearth.v1.UsageReports";

/// HTTP method, path, service, RPC, captured value.
const TABLE: [(&str, &str, &str, &str, &str); 40] = [
    ("GET", "/hearth/v1/projects/p/locations/-/usage", USAGE, "GetUsage", "projects/p/locations/-"),
    ("POST", "/v1/projects/p/locations/l/sessions", SESSIONS, "CreateSession", "projects/p/locations/l"),
    ("GET", "/v1/projects/p/locations/l/sessions", SESSIONS, "ListSessions", "projects/p/locations/l"),
    (
        "GET",
        "/v1/projects/p/locations/l/sessions/s",
        SESSIONS,
        "GetSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "POST",
        "/v1/projects/p/locations/l/sessions/s:terminate",
        SESSIONS,
        "TerminateSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "DELETE",
        "/v1/projects/p/locations/l/sessions/s",
        SESSIONS,
        "DeleteSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "POST",
        "/v1/projects/p/locations/l/sessionTemplates",
        TEMPLATES,
        "CreateSessionTemplate",
        "projects/p/locations/l",
    ),
    (
        "GET",
        "/v1/projects/p/locations/l/sessionTemplates",
        TEMPLATES,
        "ListSessionTemplates",
        "projects/p/locations/l",
    ),
    (
        "GET",
        "/v1/projects/p/locations/l/sessionTemplates/t",
        TEMPLATES,
        "GetSessionTemplate",
        "projects/p/locations/l/sessionTemplates/t",
    ),
    (
        "PATCH",
        "/v1/projects/p/locations/l/sessionTemplates/t",
        TEMPLATES,
        "UpdateSessionTemplate",
        "projects/p/locations/l/sessionTemplates/t",
    ),
    (
        "DELETE",
        "/v1/projects/p/locations/l/sessionTemplates/t",
        TEMPLATES,
        "DeleteSessionTemplate",
        "projects/p/locations/l/sessionTemplates/t",
    ),
    (
        "GET",
        "/v1/projects/p/regions/l/operations",
        OPERATIONS,
        "ListOperations",
        "projects/p/regions/l/operations",
    ),
    (
        "GET",
        "/v1/projects/p/locations/l/operations",
        OPERATIONS,
        "ListOperations",
        "projects/p/locations/l/operations",
    ),
    (
        "GET",
        "/v1/projects/p/regions/l/operations/o",
        OPERATIONS,
        "GetOperation",
        "projects/p/regions/l/operations/o",
    ),
    (
        "GET",
        "/v1/projects/p/locations/l/operations/o",
        OPERATIONS,
        "GetOperation",
        "projects/p/locations/l/operations/o",
    ),
    (
        "DELETE",
        "/v1/projects/p/regions/l/operations/o",
        OPERATIONS,
        "DeleteOperation",
        "projects/p/regions/l/operations/o",
    ),
    (
        "DELETE",
        "/v1/projects/p/locations/l/operations/o",
        OPERATIONS,
        "DeleteOperation",
        "projects/p/locations/l/operations/o",
    ),
    (
        "POST",
        "/v1/projects/p/regions/l/operations/o:cancel",
        OPERATIONS,
        "CancelOperation",
        "projects/p/regions/l/operations/o",
    ),
    (
        "POST",
        "/v1/projects/p/locations/l/operations/o:cancel",
        OPERATIONS,
        "CancelOperation",
        "projects/p/locations/l/operations/o",
    ),
    (
        "GET",
        "/hearth/v1/projects/p/locations/l/sessions/s:timeline",
        INSIGHT,
        "GetTimeline",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "GET",
        "/hearth/v1/projects/p/locations/l/sessions/s:log",
        INSIGHT,
        "GetLog",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "GET",
        "/hearth/v1/projects/p/locations/l/sessions/s:watch",
        INSIGHT,
        "WatchSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "POST",
        "/hearth/v1/projects/p/locations/l/sessions/s:extend",
        INSIGHT,
        "ExtendSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "GET",
        "/hearth/v1/projects/p/locations/l/sessions/s:why",
        INSIGHT,
        "ExplainSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "POST",
        "/hearth/v1/projects/p/locations/l/sessions/s:diagnose",
        INSIGHT,
        "DiagnoseSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "GET",
        "/hearth/v1/projects/p/locations/l/sessions/s:diagnostics",
        INSIGHT,
        "GetDiagnostics",
        "projects/p/locations/l/sessions/s",
    ),
    ("GET", "/hearth/v1/server", SERVER, "GetServerInfo", ""),
    ("GET", "/hearth/v1/pools", SERVER, "ListPools", ""),
    ("GET", "/hearth/v1/emulator/clock", EMULATOR, "GetClock", ""),
    ("POST", "/hearth/v1/emulator/clock:set", EMULATOR, "SetClock", ""),
    ("POST", "/hearth/v1/emulator/clock:advance", EMULATOR, "AdvanceClock", ""),
    (
        "POST",
        "/hearth/v1/emulator/projects/p/locations/l/sessions/s:crash",
        EMULATOR,
        "CrashSession",
        "projects/p/locations/l/sessions/s",
    ),
    (
        "POST",
        "/hearth/v1/emulator/projects/p/locations/l/sessions/s:use",
        EMULATOR,
        "UseSession",
        "projects/p/locations/l/sessions/s",
    ),
    ("POST", "/hearth/v1/emulator/faults", EMULATOR, "CreateFault", ""),
    ("GET", "/hearth/v1/emulator/faults", EMULATOR, "ListFaults", ""),
    ("DELETE", "/hearth/v1/emulator/faults/7", EMULATOR, "DeleteFault", "faults/7"),
    ("POST", "/hearth/v1/emulator/faults:clear", EMULATOR, "ClearFaults", ""),
    ("GET", "/hearth/v1/emulator/state", EMULATOR, "SaveState", ""),
    ("POST", "/hearth/v1/emulator/state:load", EMULATOR, "LoadState", ""),
    ("POST", "/hearth/v1/emulator:reset", EMULATOR, "ResetEmulator", ""),
];

#[test]
fn every_row_of_the_table_leads_to_its_method() {
    for (http_method, path, service, rpc, value) in TABLE {
        let found = find(http_method, path).unwrap_or_else(|| panic!("{http_method} {path}"));
        assert_eq!((&*found.method.service, &*found.method.name), (service, rpc), "{http_method} {path}");
        assert_eq!(found.captures.concat(), value, "{http_method} {path}");
        assert_eq!(found.method.path, format!("/{service}/{rpc}"));
    }
}

#[test]
fn the_table_has_every_binding_there_is() {
    // Those that only REST has are compared with the facts of REST.
    let here = methods().iter().filter(|method| method.service != crate::rest_only::SERVICE);
    let bindings: usize = here.map(|m| m.bindings.len()).sum();
    assert_eq!(bindings, TABLE.len());
}

#[test]
fn no_path_leads_to_two_methods() {
    for (http_method, path, ..) in TABLE {
        let bindings = methods().iter().flat_map(|m| &m.bindings);
        let matching =
            bindings.filter(|b| b.http_method == http_method && b.template.matches(path).is_some()).count();
        assert_eq!(matching, 1, "{http_method} {path}");
    }
}

#[test]
fn other_paths_and_methods_lead_nowhere() {
    for (http_method, path) in [
        ("PATCH", "/v1/projects/p/locations/l/sessions/s"),
        ("PUT", "/v1/projects/p/locations/l/sessions"),
        ("GET", "/v1/projects/p/locations/l/sessions/s:terminate"),
        ("POST", "/v1/projects/p/locations/l/sessions/s:restart"),
        ("POST", "/v1/projects/p/regions/l/sessions"),
        ("POST", "/v1/projects/p/regions/l/operations/o:wait"),
        ("GET", "/v1/projects/p/locations/l"),
        ("GET", "/v1/operations/o"),
        ("GET", "/"),
        ("GET", ""),
        ("get", "/hearth/v1/server"),
    ] {
        assert!(find(http_method, path).is_none(), "{http_method} {path}");
    }
}

#[test]
fn a_slash_after_a_collection_is_tolerated() {
    assert!(find("POST", "/v1/projects/p/locations/l/sessions/").is_some());
    assert!(find("GET", "/v1/projects/p/locations/l/sessions/s/").is_none());
}

#[test]
fn waiting_for_an_operation_is_grpc_only() {
    let wait = hearth_wire::method::method("/google.longrunning.Operations/WaitOperation").unwrap();
    assert!(wait.bindings.is_empty());
}
