//! stub
use crate::{api::Method, failure::Failure};
/// x
pub fn topic(_: &[String]) -> Result<String, Failure> {
    Ok(String::new())
}
/// x
pub fn usage_line(m: &Method) -> String {
    m.command.to_owned()
}
