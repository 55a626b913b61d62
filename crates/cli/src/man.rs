//! stub
use crate::failure::Failure;
/// x
pub fn run(_: &[String]) -> Result<(), Failure> {
    Ok(())
}
