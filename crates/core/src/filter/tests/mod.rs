//! Filters, statement by statement of the contract's section 10, and then by properties.

mod grammar;
mod meaning;
mod properties;
