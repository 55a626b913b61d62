//! JSON text to a tree, strictly by RFC 8259, but a comma before `}` or `]` is tolerated.
//!
//! Numbers stay text: whether `12.0` or `9223372036854775807` fits is for the field to say.

use std::{borrow::Cow, str};

/// Objects and lists may be nested this deep. Decision: the same limit as that of protobuf decoders, so
/// that whatever is accepted here can be read from its binary form too.
pub(crate) const DEPTH_LIMIT: usize = 100;

/// Bytes of the offending line that are echoed to either side of the caret. Decision: enough to see the
/// place, and no way to have a large body sent back.
const CONTEXT: usize = 40;

/// A JSON value that borrows from its text where it can.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads one JSON value and nothing after it; the error is a complete sentence for the caller.
pub(crate) fn parse(text: &[u8]) -> Result<Json<'_>, String> {
    let text = str::from_utf8(text).map_err(|_| says("Encountered non UTF-8 code points."))?;
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.unexpected()) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.skip_space();
        match self.peek() {
            Some(b'{' | b'[') if depth >= DEPTH_LIMIT => {
                Err(says("Message too deep. Max recursion depth reached."))
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.unexpected()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'}') => break,
                Some(b'"') => {}
                _ => return Err(self.unexpected()),
            }
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected()),
            }
        }
        self.at += 1;
        Ok(Json::Object(members))
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b']') {
                break;
            }
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected()),
            }
        }
        self.at += 1;
        Ok(Json::List(items))
    }

    fn word(&mut self) -> Result<Json<'a>, String> {
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if let Some(rest) = self.rest().strip_prefix(word)
                && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected())
    }

    fn number(&mut self) -> Result<Json<'a>, String> {
        let start = self.at;
        self.skip_if(b'-');
        // No leading zeros.
        if !self.skip_if(b'0') && self.skip_digits() == 0 {
            return Err(self.unexpected());
        }
        if self.skip_if(b'.') && self.skip_digits() == 0 {
            return Err(self.unexpected());
        }
        if self.skip_if(b'e') || self.skip_if(b'E') {
            let _ = self.skip_if(b'+') || self.skip_if(b'-');
            if self.skip_digits() == 0 {
                return Err(self.unexpected());
            }
        }
        // What follows must not run on, as in `012` or `1x`.
        if self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
            return Err(self.unexpected());
        }
        Ok(Json::Number(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        self.at += 1;
        let mut plain_from = self.at;
        let mut unescaped: Option<String> = None;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let out = unescaped.get_or_insert_default();
                    out.push_str(&self.text[plain_from..self.at]);
                    let c = self.escape()?;
                    unescaped.get_or_insert_default().push(c);
                    plain_from = self.at;
                }
                // Control characters must be escaped.
                Some(0x00..=0x1f) => return Err(self.unexpected()),
                Some(_) => self.at += 1,
                None => return Err(self.unexpected()),
            }
        }
        let plain = &self.text[plain_from..self.at];
        self.at += 1;
        Ok(match unescaped {
            None => Cow::Borrowed(plain),
            Some(mut out) => {
                out.push_str(plain);
                Cow::Owned(out)
            }
        })
    }

    fn escape(&mut self) -> Result<char, String> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, String> {
        let start = self.at;
        let first = self.four_hex()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.at += 1;
                let second = self.four_hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    self.at = start;
                    return Err(self.unexpected());
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| {
            self.at = start;
            self.unexpected()
        })
    }

    /// Reads `u` and four hexadecimal digits.
    fn four_hex(&mut self) -> Result<u32, String> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(16)) else {
                return Err(self.unexpected());
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.skip_if(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn skip_if(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_digits(&mut self) -> usize {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits;
        digits
    }

    fn skip_space(&mut self) {
        self.at += self.rest().bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// What is at the current place should not be there.
    fn unexpected(&self) -> String {
        if self.at >= self.text.len() {
            return says("Unexpected end of string. Expected a value.");
        }
        let line_start = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.rest().find(['\n', '\r']).map_or(self.text.len(), |at| self.at + at);
        let start = floor_boundary(self.text, self.at.saturating_sub(CONTEXT).max(line_start));
        let end = floor_boundary(self.text, (self.at + CONTEXT).min(line_end)).max(self.at);
        let column = self.text[start..self.at].chars().count();
        says(&format!("Unexpected token.\n{}\n{:column$}^", &self.text[start..end], ""))
    }
}

fn says(what: &str) -> String {
    format!("Invalid JSON payload received. {what}")
}

/// The last place at or before `at` where the text can be cut.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_unexpected_token_is_shown_in_its_line_with_a_caret() {
        assert_eq!(
            error("{\n  \"a\": foo,\n}"),
            "Invalid JSON payload received. Unexpected token.\n  \"a\": foo,\n       ^"
        );
        assert_eq!(error("name=x"), "Invalid JSON payload received. Unexpected token.\nname=x\n^");
        assert_eq!(error("{} {}"), "Invalid JSON payload received. Unexpected token.\n{} {}\n   ^");
    }

    #[test]
    fn the_end_where_a_value_should_be_is_told() {
        for text in ["", " ", "{", "[1,", "{\"a\"", "{\"a\":", "\"abc", "-", "1.", "\"\\u12"] {
            assert_eq!(
                error(text),
                "Invalid JSON payload received. Unexpected end of string. Expected a value.",
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_comma_before_the_end_is_tolerated_and_a_lone_one_is_not() {
        assert_eq!(
            parse(b"{\"a\": [1, 2,],}").unwrap(),
            Json::Object(vec![("a".into(), Json::List(vec![Json::Number("1"), Json::Number("2")]))])
        );
        assert!(parse(b"[,]").is_err());
        assert!(parse(b"{,}").is_err());
        assert!(parse(b"[1,,2]").is_err());
    }

    #[test]
    fn what_other_parsers_let_pass_is_refused() {
        for text in
            ["{a:1}", "'a'", "01", "+1", ".5", "1x", "0x10", "nul", "nullx", "\"\t\"", "\"\\x\"", "NaN"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn escapes_and_surrogate_pairs_are_read() {
        let string = |s: &'static str| parse(s.as_bytes()).unwrap();
        assert_eq!(string(r#""a\n\"\/\u00e9\ud83d\ude00z""#), Json::String("a\n\"/é😀z".into()));
        assert!(parse(br#""\ud83d""#).is_err());
        assert!(parse(br#""\ud83dA""#).is_err());
        assert!(parse(br#""\ude00""#).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(nested(DEPTH_LIMIT).as_bytes()).is_ok());
        assert!(parse(nested(DEPTH_LIMIT + 1).as_bytes()).unwrap_err().contains("too deep"));
        assert!(parse("{\"a\":".repeat(1_000_000).as_bytes()).unwrap_err().contains("too deep"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("[\"{}\", x, \"{}\"]", "é".repeat(500), "é".repeat(500));
        let message = error(&text);
        assert!(message.len() < 200, "{message}");
        assert!(message.contains("x, "), "{message}");
    }
}
