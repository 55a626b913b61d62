//! Filters of lists: the text a client sends, and whether a row passes (contract, section 10).
//!
//! A filter goes through three stages, each with a type of its own:
//!
//! 1. [`syntax::parse`] reads the text into an [`ast::Expression`], knowing nothing of fields;
//! 2. [`Schema`] says which fields a list has, and turns the expression into a [`Filter`] with typed values;
//! 3. [`Filter::matches`] decides on a row, or a store turns the same tree into a query.
//!
//! A `Filter` has two truth values only: a field that a row does not have fails its test, and `!=` is exactly the
//! negation of `=`. So `labels.team != a` also finds sessions without that label.
//!
//! Start reading at [`Filter::parse`].

pub mod ast;
mod check;
mod error;
mod expression;
mod rows;
mod schema;
pub mod syntax;

#[cfg(test)]
mod tests;

pub use error::FilterError;
pub use expression::{Filter, Row, Test, TextField, TextMatch, TimeOrder};
pub use schema::Schema;
