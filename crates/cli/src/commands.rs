//! The commands beside `projects`: `login`, `logout`, `contexts`.

use crate::auth::stored::Store;
use crate::auth::{self, browser};
use crate::call::print;
use crate::config::contexts::{Context, Contexts, LOCAL};
use crate::exit::Cause;
use crate::failure::Failure;
use crate::options::Options;
use crate::transport::Client;
use crate::{api, config, terminal};

fn usage(text: &str) -> Failure {
    Failure::new(Cause::Usage, text)
}

fn no_words(command: &str, words: &[String]) -> Result<(), Failure> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(usage(&format!("'{command}' takes no word, but got '{word}'"))),
    }
}

/// Signs in by browser and keeps the token.
///
/// # Errors
/// There is no OAuth client, or the sign-in did not work.
pub fn login(words: &[String], options: &Options) -> Result<(), Failure> {
    no_words("login", words)?;
    let folder = auth::folder(options)?;
    let mut store = Store::open(&folder)?;
    let scopes = match options.scopes.as_slice() {
        [] => vec![api::CLOUD_PLATFORM.to_owned()],
        given => given.to_vec(),
    };
    let client = Client::new(options, None)?;
    let granted = browser::sign_in(&client, store.client()?, &scopes, options.login_timeout)?;
    store.keep(&scopes, granted)?;
    if !options.quiet {
        terminal::say_line(&format!(
            "signed in; the token is kept in {}",
            folder.join("dataproc1").display()
        ));
    }
    Ok(())
}

/// Forgets the kept tokens.
///
/// # Errors
/// The file cannot be removed.
pub fn logout(words: &[String], options: &Options) -> Result<(), Failure> {
    no_words("logout", words)?;
    let count = Store::open(&auth::folder(options)?)?.forget()?;
    if !options.quiet {
        terminal::say_line(&format!("{count} token{} forgotten", if count == 1 { "" } else { "s" }));
    }
    Ok(())
}

/// `contexts [list | use NAME | none | set NAME URL [--token-file F] | remove NAME]`.
///
/// # Errors
/// Words that mean nothing, or a file that cannot be used.
pub fn contexts(words: &[String]) -> Result<(), Failure> {
    let mut contexts = Contexts::load()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["list"] => print(&list(&contexts)),
        ["use", name] => {
            // `local` may be chosen before anything runs.
            if *name != LOCAL {
                contexts.get(name)?;
            }
            contexts.current = Some((*name).to_owned());
            Ok(contexts.save()?)
        }
        ["none"] => {
            contexts.current = None;
            Ok(contexts.save()?)
        }
        ["set", name, endpoint] | ["set", name, endpoint, "--token-file", _] => {
            if *name == LOCAL {
                return Err(usage("the context 'local' is the Hearth running here and cannot be set"));
            }
            let token_file = match words.get(4) {
                None => None,
                Some(path) => Some(
                    std::path::absolute(path)
                        .map_err(|source| config::ConfigError::Io { path: (*path).to_owned(), source })?,
                ),
            };
            let context = Context {
                name: (*name).to_owned(),
                endpoint: (*endpoint).to_owned(),
                token_file,
                ..Context::default()
            };
            contexts.known.insert((*name).to_owned(), context);
            Ok(contexts.save()?)
        }
        ["remove", name] => {
            if contexts.known.remove(*name).is_none() {
                contexts.get(name)?;
            }
            if contexts.current.as_deref() == Some(name) {
                contexts.current = None;
            }
            Ok(contexts.save()?)
        }
        _ => Err(usage(
            "'contexts' takes: list, use NAME, none, set NAME URL [--token-file FILE], remove NAME",
        )),
    }
}

/// One line each: a mark for the chosen one, name, endpoint.
fn list(contexts: &Contexts) -> String {
    let mut out = String::new();
    let chosen = |name: &str| if contexts.current.as_deref() == Some(name) { '*' } else { ' ' };
    let local = contexts.get(LOCAL).map_or_else(|_| "(not running)".to_owned(), |context| context.endpoint);
    let mut lines = vec![(LOCAL.to_owned(), local)];
    lines.extend(contexts.known.values().map(|context| (context.name.clone(), context.endpoint.clone())));
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, endpoint) in lines {
        out.push_str(&format!("{} {name:width$}  {endpoint}\n", chosen(&name)));
    }
    out
}
