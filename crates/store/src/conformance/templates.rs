//! Templates: what is written is read, names are taken once, and lists keep their order.

use hearth_core::filter::Filter;
use hearth_core::name::{Parent, TemplateName};
use hearth_core::template::Template;

use super::generate::{any_template, samples};
use super::sample::*;
use crate::{Change, CommitError, SessionWrite, TemplateQuery, TemplateWrite};

const SAMPLES: usize = 96;

fn replace(template: &Template) -> Change {
    Change { templates: vec![TemplateWrite::Replace(Box::new(template.clone()))], ..Change::default() }
}

fn remove_template(name: &TemplateName) -> Change {
    Change { templates: vec![TemplateWrite::Remove(name.clone())], ..Change::default() }
}

async fn read(store: &SharedStore, template: &Template) -> Option<Template> {
    store.template(&template.name).await.expect("the store can be read")
}

/// By name and in a list; as it was made, and as it was changed to.
pub async fn every_field_of_a_template_reads_back_as_written(store: SharedStore) {
    let mut values = samples(any_template(), 2 * SAMPLES);
    let laters = values.split_off(SAMPLES);
    for (first, later) in values.into_iter().zip(laters) {
        store.commit(insert_templates(std::slice::from_ref(&first))).await.expect("its name is free");
        assert_eq!(read(&store, &first).await.as_ref(), Some(&first));
        let identity = first.clone();
        let changed =
            Template { name: identity.name, uuid: identity.uuid, created_at: identity.created_at, ..later };
        store.commit(replace(&changed)).await.expect("it is there");
        assert_eq!(read(&store, &changed).await.as_ref(), Some(&changed));
        let parent = changed.name.parent().clone();
        let query = TemplateQuery { parent, filter: Filter::all(), after: None, limit: SAMPLES };
        assert!(store.templates(&query).await.expect("readable").contains(&changed));
    }
}

/// Until its holder is removed.
pub async fn a_templates_name_can_be_taken_once(store: SharedStore) {
    let (first, second) = (template("etl", 1, at(0)), template("etl", 2, at(1)));
    store.commit(insert_templates(std::slice::from_ref(&first))).await.expect("the name is free");
    let refused = store.commit(insert_templates(std::slice::from_ref(&second))).await;
    assert!(matches!(refused, Err(CommitError::TemplateExists(name)) if name == first.name));
    assert_eq!(read(&store, &first).await, Some(first.clone()));
    store.commit(remove_template(&first.name)).await.expect("it is there");
    assert_eq!(read(&store, &first).await, None);
    store.commit(insert_templates(std::slice::from_ref(&second))).await.expect("the name is free again");
    assert_eq!(read(&store, &first).await, Some(second));
    // The same id elsewhere is another name.
    let elsewhere = Parent { project: "p".to_owned(), location: "l2".to_owned() };
    let third = Template { name: elsewhere.template("etl"), ..template("etl", 3, at(0)) };
    store.commit(insert_templates(&[third])).await.expect("another location");
}

/// Whole, and only what it is; when it was made stays.
pub async fn a_template_is_replaced_by_its_later_self(store: SharedStore) {
    let first = template("etl", 1, at(0));
    store.commit(insert_templates(std::slice::from_ref(&first))).await.expect("the name is free");
    let later = Template {
        description: "anew".to_owned(),
        updated_at: at(9),
        created_at: at(5),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        ..first.clone()
    };
    store.commit(replace(&later)).await.expect("it is there");
    assert_eq!(read(&store, &first).await, Some(Template { created_at: at(0), ..later }));
}

/// Nor is one that took its name since.
pub async fn a_template_that_is_gone_is_neither_replaced_nor_removed(store: SharedStore) {
    let gone = template("etl", 1, at(0));
    let absent = |result| matches!(result, Err(CommitError::TemplateAbsent(name)) if name == gone.name);
    assert!(absent(store.commit(replace(&gone)).await));
    assert!(absent(store.commit(remove_template(&gone.name)).await));
    let other = template("etl", 2, at(1));
    store.commit(insert_templates(std::slice::from_ref(&other))).await.expect("the name is free");
    assert!(absent(store.commit(replace(&gone)).await));
    assert_eq!(read(&store, &gone).await, Some(other));
}

/// Which of the two should count?
pub async fn a_change_that_writes_a_template_twice_is_refused(store: SharedStore) {
    let first = template("etl", 1, at(0));
    store.commit(insert_templates(std::slice::from_ref(&first))).await.expect("the name is free");
    let replace = TemplateWrite::Replace(Box::new(Template { creator: "eve".to_owned(), ..first.clone() }));
    for second in [replace.clone(), TemplateWrite::Remove(first.name.clone())] {
        let change = Change { templates: vec![replace.clone(), second], ..Change::default() };
        assert!(matches!(store.commit(change).await, Err(CommitError::Conflict)));
    }
    let twice = template("twice", 2, at(0));
    let refused = store.commit(insert_templates(&[twice.clone(), twice.clone()])).await;
    assert!(matches!(refused, Err(CommitError::Conflict)));
    assert_eq!(read(&store, &twice).await, None);
    assert_eq!(read(&store, &first).await, Some(first));
}

/// Neither of its templates nor of its sessions.
pub async fn a_change_with_a_refused_template_leaves_nothing(store: SharedStore) {
    let taken = template("taken", 1, at(0));
    store.commit(insert_templates(std::slice::from_ref(&taken))).await.expect("the name is free");
    let (subject, free) = (session("demo", 1), template("free", 2, at(0)));
    let change = Change {
        sessions: vec![SessionWrite::Insert(Box::new(subject.clone()))],
        ..insert_templates(&[free.clone(), taken])
    };
    assert!(matches!(store.commit(change).await, Err(CommitError::TemplateExists(_))));
    assert_eq!(read(&store, &free).await, None);
    assert_eq!(by_uuid(&store, &subject).await, None);
}

async fn page(store: &SharedStore, after: Option<&Template>, limit: usize) -> Vec<Template> {
    let after = after.map(|template| (template.created_at, template.name.clone()));
    let query = TemplateQuery { parent: parent(), filter: Filter::all(), after, limit };
    store.templates(&query).await.expect("the store can be read")
}

/// Page by page; names are told apart by their bytes, and those of other parents are not there.
pub async fn templates_are_listed_newest_first_then_by_name(store: SharedStore) {
    let mut templates: Vec<Template> = (1..)
        .zip([("b", 1), ("B", 1), ("z", 2), ("a_b", 1), ("a-b", 1), ("old", 0)])
        .map(|(number, (id, second))| template(id, number, at(second)))
        .collect();
    let elsewhere = Parent { project: "q".to_owned(), location: "l".to_owned() };
    templates.push(Template { name: elsewhere.template("c"), ..template("c", 9, at(1)) });
    store.commit(insert_templates(&templates)).await.expect("their names are free");
    for limit in 1..=7 {
        let (mut found, mut last) = (Vec::new(), None);
        loop {
            let templates = page(&store, last.as_ref(), limit).await;
            assert!(templates.len() <= limit);
            found.extend(templates.iter().map(|template| template.name.id().to_owned()));
            last = templates.into_iter().next_back();
            if last.is_none() {
                break;
            }
        }
        assert_eq!(found, ["z", "B", "a-b", "a_b", "b", "old"], "pages of {limit}");
    }
}

/// Newer templates, and the removal of the very one a page ended with, do not disturb the rest of the walk.
pub async fn pages_of_templates_neither_repeat_nor_omit_while_templates_come_and_go(store: SharedStore) {
    let all: Vec<Template> =
        (0..10).map(|n| template(&format!("t{n}"), n, at(i64::try_from(n).expect("small")))).collect();
    store.commit(insert_templates(&all)).await.expect("their names are free");
    let (mut found, mut last) = (Vec::new(), None);
    for round in 0_u8.. {
        let templates = page(&store, last.as_ref(), 3).await;
        found.extend(templates.iter().map(|template| template.name.id().to_owned()));
        last = templates.into_iter().next_back();
        let Some(end) = &last else { break };
        assert!(round < 10, "the walk does not end");
        let newcomer = template(&format!("new{round}"), u128::from(round) + 100, at(100 + i64::from(round)));
        store.commit(insert_templates(&[newcomer])).await.expect("the name is free");
        store.commit(remove_template(&end.name)).await.expect("it is there");
    }
    assert_eq!(found, (0..10).rev().map(|n| format!("t{n}")).collect::<Vec<_>>());
}
