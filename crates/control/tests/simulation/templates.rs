//! Session templates, and the sessions made from them.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_control::sessions::CreateSession;
use hearth_control::templates::{ListTemplates, TemplateBody};
use hearth_core::config::{RuntimeConfig, SessionConfig, SessionKind};
use hearth_core::error::ErrorKind;
use hearth_core::operation::Operation;

use crate::crash::Crash;
use crate::world::{Server, Simulation, caller, config, parent};

fn body(id: &str) -> TemplateBody {
    let properties = [("spark.one".to_owned(), "template".to_owned())].into();
    TemplateBody {
        name: parent().template(id).to_string(),
        config: SessionConfig {
            kind: Some(SessionKind::SparkConnect),
            runtime: Some(RuntimeConfig { properties, ..RuntimeConfig::default() }),
            ..SessionConfig::default()
        },
        ..TemplateBody::default()
    }
}

async fn create(server: &Server, id: &str, template: &str, request: &str) -> Result<Operation, ControlError> {
    let create = CreateSession {
        parent: parent(),
        session_id: id.to_owned(),
        name: String::new(),
        config: SessionConfig { template: template.to_owned(), ..SessionConfig::default() },
        request_id: Some(request.parse().unwrap()),
    };
    server.control.create_session(&caller(), create).await
}

#[tokio::test]
async fn a_session_shows_the_properties_of_its_template_and_those_of_the_policy() {
    let world = Simulation::new();
    let server = world.server(Crash::never()).await;
    server.control.create_template(&caller(), &parent(), body("base")).await.unwrap();
    create(&server, "demo", "base", "first").await.unwrap();
    let session = world.session("demo").await.unwrap();
    assert_eq!(session.config.kind, Some(SessionKind::SparkConnect));
    let properties = session.config.runtime.unwrap().properties;
    assert_eq!(properties["spark.one"], "template");
    assert_eq!(properties["spark.app.name"], session.name.to_string());
    assert!(properties.contains_key("spark.driver.memory"), "{properties:?}");
    assert!(properties.keys().all(|key| !key.starts_with("spark:")), "{properties:?}");
}

#[tokio::test]
async fn a_create_that_is_repeated_is_answered_even_when_its_template_is_gone() {
    let world = Simulation::new();
    let server = world.server(Crash::never()).await;
    server.control.create_template(&caller(), &parent(), body("base")).await.unwrap();
    let first = create(&server, "demo", "base", "once").await.unwrap();
    server.control.delete_template(&parent().template("base")).await.unwrap();
    assert_eq!(create(&server, "demo", "base", "once").await.unwrap().id, first.id);
    let refused = create(&server, "other", "base", "twice").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert_eq!(
        refused.to_string(),
        "Not found: Session Template projects/p/locations/l/sessionTemplates/base"
    );
    assert!(world.session("other").await.is_none());
}

#[tokio::test]
async fn a_template_that_is_written_anew_keeps_who_made_it_and_when() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    let made = server.control.create_template(&caller(), &parent(), body("base")).await.unwrap();
    world.pass_time(&mut server, Duration::from_secs(9)).await;
    // A user and a template of its own are no part of a template.
    let config = SessionConfig { user: "eve@example.com".into(), template: "base".into(), ..config() };
    let anew = TemplateBody { config, description: "anew".into(), ..body("base") };
    let written = server.control.update_template(&made.name, anew).await.unwrap();
    assert_eq!(
        (&written.uuid, &written.creator, written.created_at),
        (&made.uuid, &made.creator, made.created_at)
    );
    assert_eq!((written.updated_at, written.description.as_str()), (world.now(), "anew"));
    assert_eq!((written.config.user.as_str(), written.config.template.as_str()), ("", ""));
    assert_eq!(server.control.template(&made.name).await.unwrap(), written);
}

#[tokio::test]
async fn a_template_of_the_start_is_made_only_where_there_is_none() {
    let world = Simulation::new();
    let server = world.server(Crash::never()).await;
    let seed = async |description: &str| {
        let body = TemplateBody { description: description.to_owned(), ..body("base") };
        server.control.seed_template(&caller(), &parent(), body).await.unwrap()
    };
    assert!(seed("first").await);
    assert!(!seed("second").await);
    let name = parent().template("base");
    assert_eq!(server.control.template(&name).await.unwrap().description, "first");
    let list = ListTemplates {
        parent: parent(),
        page_size: 0,
        page_token: String::new(),
        filter: "description = first".to_owned(),
    };
    assert_eq!(server.control.list_templates(list).await.unwrap().items.len(), 1);
}
