//! A page of the manual, and its two forms: plain text and roff.

use std::fmt::Write as _;

/// Widest line of the text form.
const WIDTH: usize = 100;

/// Column where explanations of items start.
const COLUMN: usize = 34;

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph, wrapped.
    Text(String),
    /// A term and its explanation, indented by depth.
    Item(usize, String, String),
    /// Lines kept as they are.
    Code(String),
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Name of the page, `dataproc1` or `dataproc1-projects-…`.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// Its parts.
    pub blocks: Vec<Block>,
}

impl Page {
    /// An empty page.
    pub fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), blocks: Vec::new() }
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.blocks.push(Block::Heading(text.to_owned()));
        self
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds an item.
    pub fn item(&mut self, depth: usize, term: impl Into<String>, body: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Item(depth, term.into(), body.into()));
        self
    }

    /// Adds lines as they are.
    pub fn code(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Code(text.into()));
        self
    }

    /// The page for a terminal.
    pub fn to_text(&self) -> String {
        let mut out = format!("{} – {}\n", self.name, self.about);
        for block in &self.blocks {
            match block {
                Block::Heading(text) => {
                    let _ = write!(out, "\n{text}\n");
                }
                Block::Text(text) => {
                    for line in wrap(text, WIDTH - 4) {
                        let _ = writeln!(out, "    {line}");
                    }
                }
                Block::Item(depth, term, body) => item(&mut out, *depth, term, body),
                Block::Code(text) => {
                    for line in text.lines() {
                        let _ = writeln!(out, "    {line}");
                    }
                }
            }
        }
        out
    }

    /// The page for `man`.
    pub fn to_roff(&self) -> String {
        let mut out = format!(
            ".TH {} 1 \"\" \"dataproc1 {}\" \"dataproc1\"\n.SH NAME\n{} \\- {}\n",
            escape(&self.name.to_uppercase()),
            escape(&crate::run::version()),
            escape(&self.name),
            escape(&self.about)
        );
        for block in &self.blocks {
            match block {
                Block::Heading(text) => {
                    let _ = writeln!(out, ".SH \"{}\"", escape(text));
                }
                Block::Text(text) => {
                    let _ = writeln!(out, ".PP\n{}", line(text));
                }
                Block::Item(depth, term, body) => {
                    let _ = writeln!(out, ".RS {}\n.TP\n.B {}\n{}\n.RE", depth * 4, line(term), line(body));
                }
                Block::Code(text) => {
                    let lines: Vec<String> = text.lines().map(line).collect();
                    let _ = writeln!(out, ".PP\n.nf\n{}\n.fi", lines.join("\n"));
                }
            }
        }
        out
    }
}

fn item(out: &mut String, depth: usize, term: &str, body: &str) {
    let indent = 4 + depth * 2;
    let mut head = format!("{}{term}", " ".repeat(indent));
    let column = COLUMN + depth * 2;
    if body.is_empty() {
        let _ = writeln!(out, "{head}");
        return;
    }
    // A long term has its line alone.
    if head.chars().count() + 2 > column {
        let _ = writeln!(out, "{head}");
        head = String::new();
    }
    for (at, line) in wrap(body, WIDTH - column).into_iter().enumerate() {
        let lead = if at == 0 { head.clone() } else { String::new() };
        let gap = " ".repeat(column - lead.chars().count());
        let _ = writeln!(out, "{lead}{gap}{line}");
    }
}

/// Lines of at most `width` characters; longer words stay whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let used = lines[last].chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if used > 0 {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('–', "\\(en")
}

/// A line that roff does not take for a request.
fn line(text: &str) -> String {
    let escaped = escape(text);
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_start_with_a_dot_are_no_requests_of_roff() {
        let mut page = Page::new("dataproc1", "x");
        page.code(".a.b\n'quoted'").item(0, "..", "one level up");
        let roff = page.to_roff();
        assert!(roff.contains("\n\\&.a.b\n\\&'quoted'\n") && roff.contains(".B \\&..\n"), "{roff}");
    }
}
