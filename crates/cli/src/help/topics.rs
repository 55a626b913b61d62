//! Topics that no table holds.

use std::fmt::Write as _;

use super::page::Page;
use crate::api::{self, Kind, Method};
use crate::{body, exit};

/// Names of the topics, with a line about each.
pub const NAMES: &[(&str, &str)] = &[
    ("cursors", "how words after -r move about in the body, with a picture"),
    ("fields", "kinds of fields and how to write their values; 'fields METHOD [PATH]' shows a method's"),
    ("sign-in", "where the access token comes from"),
    ("endpoints", "which service is called, contexts, proxies, certificates"),
    ("output", "forms of the answer, waiting, pages"),
    ("exit-codes", "what the exit code says"),
    ("environment", "variables that are read"),
    ("files", "files that are read and written"),
    ("differences", "what differs from the program of the same name"),
];

/// The example of the front page.
pub const FIRST_EXAMPLE: &str = "\
dataproc1 --context local --wait projects locations-sessions-create projects/demo/locations/local \\
    -r user=ana@example.com environment-config.execution-config ttl=8h .spark-connect-session labels=env=dev \\
    -p session-id=ana-1
dataproc1 --context local --output table projects locations-sessions-list projects/demo/locations/local";

/// The page of a topic.
pub fn page(name: &str) -> Option<Page> {
    Some(match name {
        "cursors" => cursors(),
        "fields" => fields(),
        "sign-in" => sign_in(),
        "endpoints" => endpoints(),
        "output" => output(),
        "exit-codes" => exit_codes(),
        "environment" => environment(),
        "files" => files(),
        "differences" => differences(),
        "login" => login(),
        "logout" => {
            simple("logout", "forget the tokens that login kept", "dataproc1 [--config-dir <folder>] logout")
        }
        "contexts" => contexts(),
        "completion" => completion(),
        "man" => simple(
            "man",
            "print a manual page, or write them all",
            "dataproc1 man [METHOD]\ndataproc1 man --dir FOLDER",
        ),
        "help" => simple("help", "explain a command, a method or a topic", "dataproc1 help [TOPIC | METHOD]"),
        _ => return None,
    })
}

fn simple(name: &str, about: &str, usage: &str) -> Page {
    let mut page = Page::new(format!("dataproc1 {name}"), about);
    page.heading("USAGE").code(usage);
    page
}

/// The words of the picture in `help cursors`.
const PICTURE: &[&str] = &[
    "user=ana",
    "environment-config.execution-config",
    "ttl=8h",
    "network-tags=blue",
    "..peripherals-config",
    "metastore-service=m",
    "...",
    "labels=env=dev",
    ".runtime-config",
    "repository-config.pypi-repository-config.pypi-repository=u",
    "version=3.0",
    ".",
];

fn cursors() -> Page {
    let mut page = Page::new("dataproc1 help cursors", "how words after -r move about in the body");
    page.text("The body of a request is a tree of structures. A cursor stands somewhere in it, at first at the top. Each word after -r either moves the cursor or sets a value. Words without '=' move, words with '=' set; the first '=' counts.");
    page.heading("PATHS");
    for (term, about) in [
        ("a", "down into a"),
        ("a.b", "down into a, then b"),
        (".", "to the top"),
        (".a.b", "from the top into a, then b"),
        ("..", "one level up"),
        ("...", "two levels up; every further dot is one more level (some pages say three: it is two)"),
        ("..a", "one level up, then down into a"),
        ("a..b", "dots inside a path go up too: this is b"),
        ("a.b...", "and at its end"),
    ] {
        page.item(0, term, about);
    }
    page.heading("SETTING VALUES");
    page.text("'path=value' sets the field that the path leads to from the cursor. It never moves the cursor, however many dots it has. Setting a value twice is an error; a list grows with every word; a map takes 'field=key=value', once for each key. Several -r are one list of words: the cursor stays where it is between them.");
    page.heading("LISTS AND MAPS OF STRUCTURES");
    for (term, about) in [
        ("jobs.+", "a new element at the end; as a word alone, the cursor goes into it"),
        ("jobs.last", "the last element"),
        ("jobs.0", "the first element"),
        ("..+", "from inside an element: the next new one"),
        ("resources.gpu.name=x", "the element of the map under the key gpu"),
    ] {
        page.item(0, term, about);
    }
    page.heading("WHOLE VALUES");
    for (term, about) in [
        (
            "path:=JSON",
            "any field as JSON, lists and structures included; ':={}' is a present, empty structure",
        ),
        ("path:=null", "clear the field: remove what a document set, and name it in update-mask=auto"),
        ("path:file=NAME", "the text of a file (bytes fields: its bytes); '-' is standard input"),
        ("path:env=NAME", "the value of a variable"),
        ("@NAME", "a JSON or YAML document, merged at the cursor; words win over it. '@-' is standard input"),
    ] {
        page.item(0, term, about);
    }
    page.heading("A PICTURE");
    let method = api::method("locations-sessions-create");
    if let Some(method) = method {
        page.code(picture(method, PICTURE));
    }
    page.text("'dataproc1 help cursors METHOD WORDS...' draws it for words of your own.");
    page
}

/// `help cursors METHOD WORDS…`
pub(super) fn trace(method: &'static Method, words: &[&str]) -> String {
    picture(method, words)
}

/// One line a word: the word, and where the cursor stands after it.
fn picture(method: &'static Method, words: &[&str]) -> String {
    let Some(request) = method.request else { return "This method has no body.\n".to_owned() };
    let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let places = body::walk(request, &owned);
    let width = words.iter().map(|word| word.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!("{:width$}   the cursor stands at\n{:width$}   [top]\n", "word", "");
    let mut before = String::new();
    for (word, (path, _)) in words.iter().zip(places) {
        let depth = path.split('.').filter(|part| !part.is_empty()).count();
        let mark = if path == before { "|" } else { "^" };
        let shown = if path.is_empty() { "[top]".to_owned() } else { path.replace('.', " > ") };
        let _ = writeln!(out, "{word:width$}   {}{mark} {shown}", "  ".repeat(depth));
        before = path;
    }
    out
}

/// Kinds of fields.
pub fn fields() -> Page {
    let mut page = Page::new("dataproc1 help fields", "kinds of fields and how to write their values");
    page.code("dataproc1 help fields METHOD         all fields of a method's body\ndataproc1 help fields METHOD PATH    one field, or what is below it\ndataproc1 help fields STRUCTURE      a structure by its name");
    page.heading("KINDS");
    for (kind, about) in [
        (Kind::Text, "as it is, spaces and '=' included: 'user=ana@example.com'"),
        (Kind::Bool, "exactly true or false"),
        (Kind::Int32, "decimal: num-instances=3"),
        (Kind::Int64, "decimal; sent as text, as the API wants it"),
        (Kind::Number, "0.5, 1e-3"),
        (Kind::Duration, "600s, 10m, 1h30m, 2d; sent in seconds"),
        (Kind::Timestamp, "RFC 3339: 2026-01-31T08:00:00Z or with an offset; sent in UTC"),
        (Kind::Bytes, "base64 of either alphabet; ':file=' takes raw bytes"),
        (
            Kind::Enum(&[]),
            "a value that the service does not list here is sent with a note, since services grow",
        ),
        (Kind::Map(&Kind::Text), "labels=env=dev labels=team=ml; a key may have dots"),
        (Kind::List(&Kind::Text), "args=--day args=7 makes two elements"),
        (
            Kind::List(&Kind::Any),
            "a list of structures: NAME.+ and then its fields, or NAME:=JSON; see help cursors",
        ),
    ] {
        let label = match kind {
            Kind::List(Kind::Any) => "list of structures".to_owned(),
            kind => kind.label(),
        };
        page.item(0, label, about);
    }
    page.item(
        0,
        "empty structure",
        "its name alone sets it: -r spark-connect-session; names after it are looked up beside it",
    );
    page.heading("CHECKS");
    page.text("Names, types and the shape of resource names are checked before anything is sent, and everything wrong is told at once. What only the service can decide (limits, listed values, fields it sets itself) is a note; --strict makes errors of notes, --no-check sends names that are not known here.");
    page
}

fn sign_in() -> Page {
    let mut page = Page::new("dataproc1 help sign-in", "where the access token comes from");
    page.text("The first of these that is there:");
    for (term, about) in [
        ("--access-token-file FILE", "the token in the file [DATAPROC1_ACCESS_TOKEN_FILE]"),
        ("--credentials FILE", "a key or credential file, see below"),
        ("--context NAME", "the context's token-file or credentials"),
        ("DATAPROC1_ACCESS_TOKEN", "a token; CLOUDSDK_AUTH_ACCESS_TOKEN and GOOGLE_OAUTH_ACCESS_TOKEN too"),
        ("the chosen context", "its token-file or credentials"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "a key or credential file"),
        (
            "stored tokens",
            "the file 'dataproc1' in the configuration folder, as login and the original write it",
        ),
        ("gcloud's default", "application_default_credentials.json in gcloud's folder"),
        ("a metadata server", "at GCE_METADATA_HOST, or on a machine of that cloud"),
        ("a browser", "if standard error is a terminal and there is an OAuth client (dataproc1-secret.json)"),
    ] {
        page.item(0, term, about);
    }
    page.heading("CREDENTIAL FILES");
    for (term, about) in [
        ("service_account", "the program signs a token itself; nobody else is asked"),
        ("external_account", "a token from a file or an address is exchanged at token_url"),
        ("authorized_user", "a refresh token; token_uri is respected"),
        ("external_account_authorized_user", "a refresh token for token_url"),
        ("impersonated_service_account", "another credential asks for the account's token"),
    ] {
        page.item(0, term, about);
    }
    page.text("Secrets are sent only over https or to this machine, and are removed from --debug and from messages.");
    page
}

fn endpoints() -> Page {
    let mut page = Page::new("dataproc1 help endpoints", "which service is called");
    page.text("The first of these that is there:");
    for (term, about) in [
        ("--endpoint URL", "[DATAPROC1_ENDPOINT]; host:port is https, on this machine http"),
        ("--context NAME", "[DATAPROC1_CONTEXT]; 'local' is the Hearth that this user runs here"),
        ("GOOGLE_CLOUD_DATAPROC_API_ENDPOINT", "as Google's Spark Connect client reads it"),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAPROC", "as gcloud reads it"),
        ("the chosen context", "'dataproc1 contexts use NAME'"),
        ("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "https://dataproc.DOMAIN"),
        ("https://dataproc.googleapis.com", "otherwise"),
    ] {
        page.item(0, term, about);
    }
    page.text("Plain http is used only to this machine, unless --insecure-http is given.");
    page.heading("PROXIES AND CERTIFICATES");
    page.text("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are respected, but not for this machine; --proxy overrides them. Certificates are checked against the system's authorities, or against --ca-file or SSL_CERT_FILE.");
    page.heading("TIME LIMITS AND REPETITIONS");
    page.text("Connecting may take --connect-timeout, a request --timeout. Requests that may be repeated safely (reads, and those with a request id) are repeated up to --retries times, with growing pauses, when the service is busy or the connection breaks. With --retries or --wait given, a request id is added to calls that take one; otherwise requests are exactly those of the words.");
    page
}

fn output() -> Page {
    let mut page = Page::new("dataproc1 help output", "forms of the answer");
    for (term, about) in [
        ("--output original", "JSON, keys sorted, nulls removed, two spaces, no line end (the default)"),
        ("--output json", "the same with a line end"),
        ("--output yaml", "YAML"),
        ("--output table", "a line for each item of a list, or for each field of a resource"),
        ("--output name", "names only, one a line, for scripts"),
        ("-o FILE", "to a file, which keeps its content until the call succeeded"),
        ("--all-pages", "all pages of a list as one answer"),
        (
            "--wait",
            "an operation to its end: prints its result, fails if it failed; --wait-timeout bounds it",
        ),
        ("--dry-run", "the request instead of the answer; nothing is sent"),
        ("--debug", "requests and answers on standard error"),
    ] {
        page.item(0, term, about);
    }
    page.text("Fields that this program does not know are kept. Only the answer goes to standard output.");
    page
}

fn exit_codes() -> Page {
    let mut page = Page::new("dataproc1 help exit-codes", "what the exit code says");
    page.heading("CLASSIC (the default)");
    page.item(0, "0", "success, help, version");
    page.item(0, "1", "everything else");
    page.item(0, "3", "the configuration folder, a context or a certificate file cannot be used");
    page.item(0, "4", "the OAuth client's file cannot be used");
    page.heading("DETAILED (--exit-codes detailed, or DATAPROC1_EXIT_CODES=detailed)");
    page.item(0, "0", "success, help, version");
    for (_, code, about) in exit::DETAILED {
        page.item(0, code.to_string(), *about);
    }
    page
}

fn environment() -> Page {
    let mut page = Page::new("dataproc1 help environment", "variables that are read");
    for spec in crate::options::SPECS {
        if let Some(variable) = spec.variable {
            page.item(0, variable, format!("as --{}", spec.name));
        }
    }
    for (term, about) in [
        ("DATAPROC1_ACCESS_TOKEN", "an access token; see help sign-in for more"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "a key or credential file"),
        ("GCE_METADATA_HOST, NO_GCE_CHECK", "the metadata server, or that there is none"),
        ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "proxies"),
        ("SSL_CERT_FILE, SSL_CERT_DIR", "certificates to trust"),
        ("XDG_CONFIG_HOME, XDG_STATE_HOME", "where contexts and the state of a local Hearth are"),
        ("NO_COLOR, TERM", "whether to use color"),
    ] {
        page.item(0, term, about);
    }
    page
}

fn files() -> Page {
    let mut page = Page::new("dataproc1 help files", "files that are read and written");
    for (term, about) in [
        (
            "~/.google-service-cli/dataproc1",
            "stored tokens, in the original's form; only their owner can read them",
        ),
        (
            "~/.google-service-cli/dataproc1-secret.json",
            "the OAuth client for browser sign-in, as downloaded from its issuer",
        ),
        ("~/.config/hearth/contexts.toml", "named endpoints, shared with hearth"),
        ("~/.local/state/hearth/endpoint", "address of the Hearth running here (context 'local')"),
        ("~/.local/state/hearth/token", "its access token"),
    ] {
        page.item(0, term, about);
    }
    page
}

fn differences() -> Page {
    let mut page = Page::new("dataproc1 help differences", "what differs from the program of the same name");
    page.text("Every call that the generated program answers gives the same request and the same exit code here. What it refuses or aborts on works where it can:");
    for (term, about) in [
        ("...", "its page says three levels up, the program goes two; so does this one"),
        ("--scope URL projects", "works as its page shows it"),
        ("arrays, integers, durations", "are sent; wrong values are reported instead of aborting"),
        ("lists of structures", "can be written (help cursors)"),
        ("cursor words", "that lead nowhere are an error at once"),
        ("actions without fields", "such as terminate need no -r"),
        ("options", "may follow the method"),
        ("unknown fields of answers", "are kept"),
        ("-o FILE", "is not emptied by a call that fails"),
        ("prompts", "go to standard error, and a browser sign-in ends by itself"),
        ("resource names", "are checked against their shape; --no-check sends any"),
        ("the OAuth client", "is never written: the built-in one of the original no longer works"),
    ] {
        page.item(0, term, about);
    }
    page
}

fn login() -> Page {
    let mut page = simple(
        "login",
        "sign in with a browser and keep the token",
        "dataproc1 [--scope <url>]... [--config-dir <folder>] [--login-timeout <time>] login",
    );
    page.text("Needs an OAuth client of the installed kind in dataproc1-secret.json of the configuration folder. The address to open is printed on standard error; the browser comes back to a port on this machine. The token is kept in the folder, readable by its owner only.");
    page
}

fn contexts() -> Page {
    let mut page = simple(
        "contexts",
        "named endpoints, shared with hearth",
        "dataproc1 contexts [list]\ndataproc1 contexts set NAME URL [--token-file FILE]\ndataproc1 contexts use NAME\ndataproc1 contexts none\ndataproc1 contexts remove NAME",
    );
    page.text("'local' is always there: the Hearth that this user runs on this machine. '--context NAME' chooses one for a single call, 'use' for all calls that choose none. The file is contexts.toml in $XDG_CONFIG_HOME/hearth (~/.config/hearth).");
    page
}

fn completion() -> Page {
    let mut page = simple("completion", "print a completion script", "dataproc1 completion bash|zsh|fish");
    page.code("bash:  source <(dataproc1 completion bash)\nzsh:   dataproc1 completion zsh > \"${fpath[1]}/_dataproc1\"\nfish:  dataproc1 completion fish > ~/.config/fish/completions/dataproc1.fish");
    page.text("Methods, options, fields below the cursor, values of lists, parameters and, where a service on this machine answers at once, names of resources are completed.");
    page
}
