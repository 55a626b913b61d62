use super::*;

fn merged(text: &str) -> Result<Catalogue, CatalogueError> {
    Catalogue::merged(text, "mine.toml", &|path| match path {
        "mine.lock" => Ok("# mine\nsix==1.17.0\n".into()),
        other => Err(format!("there is no \"{other}\"")),
    })
}

fn problems(text: &str) -> Vec<String> {
    match merged(text) {
        Err(CatalogueError::Invalid { file, problems }) => {
            assert_eq!(file, "mine.toml");
            problems
        }
        other => panic!("not refused as invalid: {other:?}"),
    }
}

fn found(catalogue: &Catalogue, version: &str) -> Option<String> {
    catalogue.find(version).map(Runtime::full_name)
}

#[test]
fn the_built_in_catalogue_has_sail_as_its_default() {
    let catalogue = Catalogue::built_in();
    let sail = catalogue.default_runtime();
    assert_eq!((sail.name.as_str(), sail.engine, sail.disk_bytes), ("sail", EngineKind::Sail, 840 << 20));
    assert_eq!(sail.datasets[0].rows, Some(336_776));
    assert_eq!(sail.environment_name(), format!("{}-{}", sail.full_name(), sail.lock_hash()));
    assert_eq!(sail.lock_hash().len(), 16);
}

#[test]
fn every_line_of_a_built_in_lock_is_pinned() {
    for runtime in Catalogue::built_in().runtimes() {
        let Packages::Locked(text) = &runtime.packages else { panic!("{} is not locked", runtime.name) };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let requirement = line.split(';').next().unwrap_or_default();
            assert!(requirement.contains("==") && !requirement.contains('*'), "not pinned: {line}");
        }
        assert!(!text.contains("//") && !text.contains("--"), "a lock names no index and no options");
    }
}

#[test]
fn a_version_is_found_by_name_start_of_version_alias_and_patch_of_an_alias() {
    let catalogue = Catalogue::built_in();
    let sail = catalogue.default_runtime().full_name();
    let (name, version) = sail.split_once('-').unwrap();
    let (minor, _) = version.rsplit_once('.').unwrap();
    for text in ["", "sail", &sail, &format!("{name}-{minor}")] {
        assert_eq!(found(&catalogue, text).as_ref(), Some(&sail), "{text:?}");
    }
    for text in ["spark-4.0", "spark-4.0.5", "spark", "3.0", "3.0.7", "3.0.12"] {
        assert_eq!(found(&catalogue, text).as_deref(), Some("spark-4.0.5"), "{text:?}");
    }
    for text in [
        "Sail",
        "sail-",
        "sail-0.",
        "sail-9",
        "sail-0.70",
        "3",
        "3.00",
        "3.0.",
        "3.0.x",
        "3.0.7.1",
        " ",
        "3.1",
    ] {
        assert_eq!(found(&catalogue, text), None, "{text:?}");
    }
    for (alias, name) in
        [("2.3", "spark-3.5.9"), ("4.1", "spark-4.1.4"), ("4.2", "spark-4.2.1"), ("4.3", "spark-4.3.0")]
    {
        assert_eq!(found(&catalogue, alias).as_deref(), Some(name));
    }
    let known = catalogue.known();
    assert_eq!(known[..2], ["sail", "spark-4.0"]);
    assert_eq!(known.iter().filter(|known| *known == "3.0").count(), 1, "{known:?}");
}

#[test]
fn a_full_alias_wins_over_a_patch_of_a_shorter_one() {
    let catalogue = merged(
        "[[runtime]]\nname = \"old\"\nversion = \"1\"\nengine = \"spark\"\npython = \">=3.10\"\nlock = \"mine.lock\"\n\
         java = { least = 17 }\naliases = [\"3.0.7\"]\n",
    )
    .unwrap();
    assert_eq!(found(&catalogue, "3.0.7").as_deref(), Some("old-1"));
    assert!(found(&catalogue, "3.0.8").unwrap().starts_with("spark-"));
}

#[test]
fn an_operators_entry_replaces_the_keys_it_gives_and_no_others() {
    let catalogue =
        merged("[[runtime]]\nname = \"sail\"\naliases = [\"4.0\"]\nenvironment = { RUST_LOG = \"warn\" }\n")
            .unwrap();
    let built_in = Catalogue::built_in();
    let (sail, before) = (catalogue.default_runtime(), built_in.default_runtime());
    assert_eq!(sail.aliases, ["4.0"]);
    assert_eq!(sail.environment["RUST_LOG"], "warn");
    assert_eq!(sail.environment_name(), before.environment_name(), "the same environment serves it");
    assert_eq!(found(&catalogue, "3.0").as_deref(), Some("spark-4.0.5"), "the other that has it");
}

#[test]
fn an_operators_runtime_takes_an_alias_and_the_default() {
    let catalogue = merged(
        "default = \"lab\"\n[[runtime]]\nname = \"lab\"\nversion = \"2.0\"\nengine = \"kernel\"\npython = \"3.12\"\n\
         requirements = [\"ipykernel\", \"pandas<3\"]\naliases = [\"3.0\"]\nsize = \"1GiB\"\n",
    )
    .unwrap();
    let lab = catalogue.default_runtime();
    assert_eq!(lab.packages, Packages::Resolved("ipykernel\npandas<3\n".into()));
    assert_eq!(lab.disk_bytes, 1 << 30);
    assert_eq!(found(&catalogue, "3.0").as_deref(), Some("lab-2.0"));
    let known = catalogue.known();
    assert!(known.contains(&"lab".to_owned()) && known.iter().filter(|known| *known == "3.0").count() == 1);
}

#[test]
fn a_shared_alias_means_the_preferred_kind_and_an_operator_decides() {
    let names = |catalogue: &Catalogue, version: &str| -> Vec<String> {
        catalogue.find_all(version).iter().map(|runtime| runtime.name.clone()).collect()
    };
    assert_eq!(names(&Catalogue::built_in(), "3.0"), ["spark-4.0", "sail"]);
    assert_eq!(names(&Catalogue::built_in(), "3.0.7"), ["spark-4.0", "sail"]);
    assert_eq!(names(&Catalogue::built_in(), "sail"), ["sail"]);
    assert_eq!(names(&Catalogue::built_in(), "9"), Vec::<String>::new());
    assert_eq!(names(&merged("prefer = [\"sail\"]\n").unwrap(), "3.0"), ["sail", "spark-4.0"]);
    let alone = merged("[[runtime]]\nname = \"sail\"\naliases = [\"3.0\"]\n").unwrap();
    assert_eq!(names(&alone, "3.0"), ["sail"]);
    let found = problems(
        "[[runtime]]\nname = \"a\"\nversion = \"1\"\nengine = \"spark\"\npython = \"3\"\nlock = \"mine.lock\"\n",
    );
    assert!(found[0].contains("key `java`"), "{found:?}");
}

#[test]
fn the_folder_changes_with_packages_and_python_and_not_with_comments() {
    let entry = |python: &str, lock: &str| {
        let text = format!(
            "[[runtime]]\nname = \"x\"\nversion = \"1\"\nengine = \"kernel\"\npython = \"{python}\"\nlock = \"l\"\n"
        );
        let catalogue = Catalogue::merged(&text, "f", &|_| Ok(lock.to_owned())).unwrap();
        catalogue.find("x").unwrap().environment_name()
    };
    let first = entry("3.11", "six==1.17.0\n");
    assert_eq!(first, entry("3.11", "# why\n\n  six==1.17.0"));
    assert_ne!(first, entry("3.12", "six==1.17.0\n"));
    assert_ne!(first, entry("3.11", "six==1.16.0\n"));
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_the_file() {
    let error = merged("[[runtime]]\nname = \"sail\"\nverison = \"1\"\n").unwrap_err().to_string();
    assert!(error.contains("mine.toml") && error.contains("verison") && error.contains("line 3"), "{error}");
    let error = merged("[[runtime]]\nname = \"sail\"\nengine = \"flink\"\n").unwrap_err().to_string();
    assert!(error.contains("flink") && error.contains("sail"), "{error}");
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let found = problems(
        "[[runtime]]\nname = \"A b\"\nversion = \"1\"\nengine = \"sail\"\npython = \"3.11\"\nlock = \"nope.lock\"\n\
         size = \"lots\"\naliases = [\"9\"]\n\
         [[runtime]]\nname = \"c\"\naliases = [\"9\", \"sail\"]\n\
         [[runtime.dataset]]\nname = \"d\"\npath = \"../secret\"\n",
    );
    for wanted in [
        "runtime \"A b\", key `name`",
        "runtime \"A b\", key `lock`: there is no \"nope.lock\"",
        "runtime \"A b\", key `size`",
        "runtime \"c\", key `version`: is missing",
        "runtime \"c\", key `python`: is missing",
        "runtime \"c\", key `engine`: is missing",
        "runtime \"c\", key `lock`: is missing",
        "runtime \"c\", key `dataset`: path \"../secret\"",
        "runtime \"c\", key `aliases`: \"9\" is already an alias of \"A b\"",
        "runtime \"c\", key `aliases`: \"sail\" is the name of a runtime",
    ] {
        assert!(found.iter().any(|problem| problem.starts_with(wanted)), "{wanted} is not in {found:#?}");
    }
}

#[test]
fn a_changed_version_needs_packages_of_its_own() {
    let found = problems("[[runtime]]\nname = \"sail\"\nversion = \"9.9\"\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("key `version`"), "{found:?}");
}

#[test]
fn a_default_that_does_not_exist_is_refused_with_the_known_ones() {
    let found = problems("default = \"spork\"\n");
    let known = Catalogue::built_in().known().join(", ");
    assert_eq!(found, [format!("key `default`: no runtime \"spork\"; known are {known}")]);
    assert!(Catalogue::built_in().with_default("3.0").is_some());
    assert!(Catalogue::built_in().with_default("spork").is_none());
}

#[test]
fn an_operators_file_names_its_lock_relative_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.lock"), "six==1.17.0\n").unwrap();
    let file = folder.path().join("runtimes.toml");
    let entry = "[[runtime]]\nname = \"x\"\nversion = \"1\"\nengine = \"kernel\"\npython = \"3.11\"\n";
    std::fs::write(&file, format!("{entry}lock = \"mine.lock\"\n")).unwrap();
    let catalogue = Catalogue::load(Some(&file)).unwrap();
    assert_eq!(catalogue.find("x").unwrap().packages.text(), "six==1.17.0\n");
    let missing = Catalogue::load(Some(&folder.path().join("none.toml"))).unwrap_err();
    assert!(missing.to_string().contains("none.toml"));
}
