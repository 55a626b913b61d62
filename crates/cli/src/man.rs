//! Manual pages.

use std::path::Path;

use crate::call::print;
use crate::exit::Cause;
use crate::failure::Failure;
use crate::help::page::Page;
use crate::help::{self, method, topics};

/// `man [METHOD | TOPIC]` or `man --dir FOLDER`.
///
/// # Errors
/// No such page, or the folder cannot be written.
pub fn run(words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => print(&program().to_roff()),
        ["--dir", dir] => write_all(Path::new(dir)),
        [name] => print(&method::page(help::find(name)?).to_roff()),
        _ => Err(Failure::new(Cause::Usage, "'man' takes a method, or --dir FOLDER")),
    }
}

/// The program's page: the front page and every topic.
fn program() -> Page {
    let mut page = help::top();
    for (name, about) in topics::NAMES {
        let Some(topic) = topics::page(name) else { continue };
        page.heading(&name.to_uppercase()).text(format!("{about}."));
        page.blocks.extend(topic.blocks);
    }
    page
}

fn write_all(dir: &Path) -> Result<(), Failure> {
    let fail = |why: std::io::Error| {
        Failure::new(Cause::Output, format!("could not write manual pages to \"{}\"", dir.display()))
            .because(&why)
    };
    std::fs::create_dir_all(dir).map_err(fail)?;
    for page in std::iter::once(program()).chain(method::all()) {
        std::fs::write(dir.join(format!("{}.1", page.name)), page.to_roff()).map_err(fail)?;
    }
    Ok(())
}
