//! Splits a line into words, strings and separators; a comment ends it.

use super::error::{GrammarError, Wrong};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: TokenKind,
    /// Its first column, from 1, in characters.
    pub(super) column: u32,
}

/// What a piece of a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A bare word.
    Word(String),
    /// `"text"`, without quotes and escapes.
    Text(String),
    /// `@FILE` or `@"FILE"`.
    File(String),
    /// `LABEL:` before a command.
    Label(String),
    /// `|` between the sides of a partition.
    Bar,
    /// `,` between the members of a side.
    Comma,
}

impl Token {
    /// The piece as it is shown in errors.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            TokenKind::Word(word) => word.clone(),
            TokenKind::Text(text) => super::print::quoted(text),
            TokenKind::File(file) => format!("@{file}"),
            TokenKind::Label(label) => format!("{label}:"),
            TokenKind::Bar => "|".to_owned(),
            TokenKind::Comma => ",".to_owned(),
        }
    }
}

/// The pieces of a line, and the column behind its last one.
pub(super) fn split(line: &str) -> Result<(Vec<Token>, u32), GrammarError> {
    let mut lexer = Lexer { chars: line.chars().peekable(), column: 1 };
    let mut tokens = Vec::new();
    let mut end = 1;
    while let Some(token) = lexer.token(tokens.is_empty())? {
        tokens.push(token);
        end = lexer.column;
    }
    Ok((tokens, end))
}

struct Lexer<'a> {
    chars: core::iter::Peekable<core::str::Chars<'a>>,
    column: u32,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        self.column += u32::from(next.is_some());
        next
    }

    fn token(&mut self, first: bool) -> Result<Option<Token>, GrammarError> {
        while self.chars.peek().is_some_and(|c| c.is_whitespace()) {
            self.next();
        }
        let column = self.column;
        let kind = match self.chars.peek() {
            None | Some('#') => return Ok(None),
            Some('"') => TokenKind::Text(self.text(column)?),
            Some('|') => self.separator(TokenKind::Bar),
            Some(',') => self.separator(TokenKind::Comma),
            Some('@') => {
                self.next();
                if self.chars.peek() == Some(&'"') {
                    TokenKind::File(self.text(column)?)
                } else {
                    TokenKind::File(self.run(char::is_whitespace))
                }
            }
            Some(_) => self.word(first),
        };
        Ok(Some(Token { kind, column }))
    }

    fn separator(&mut self, kind: TokenKind) -> TokenKind {
        self.next();
        kind
    }

    /// The first word of a line is a label if a colon follows it at once.
    fn word(&mut self, first: bool) -> TokenKind {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '#' | '|' | ',' | '@');
        let word = self.run(|c| ends(c) || (first && c == ':'));
        if first && self.chars.peek() == Some(&':') {
            self.next();
            return TokenKind::Label(word);
        }
        TokenKind::Word(word)
    }

    fn run(&mut self, ends: impl Fn(char) -> bool) -> String {
        let mut word = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| !ends(*c)) {
            word.push(c);
            self.next();
        }
        word
    }

    fn text(&mut self, start: u32) -> Result<String, GrammarError> {
        self.next();
        let mut text = String::new();
        loop {
            let column = self.column;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(column)?),
                Some(c) => text.push(c),
                None => {
                    let wrong = Wrong::Text("the text is not closed".to_owned());
                    let hint = "end it with a `\"`; a quote inside is written `\\\"`".to_owned();
                    return Err(GrammarError::at(start, wrong).hint(Some(hint)));
                }
            }
        }
    }

    fn escape(&mut self, column: u32) -> Result<char, GrammarError> {
        let code = match self.next() {
            Some('n') => return Ok('\n'),
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some('0') => return Ok('\0'),
            Some(c @ ('\\' | '"' | '\'')) => return Ok(c),
            Some('x') => {
                let digits: String = [self.next(), self.next()].into_iter().flatten().collect();
                u32::from_str_radix(&digits, 16).ok().filter(|code| *code < 0x80)
            }
            Some('u') if self.next() == Some('{') => {
                let digits = self.run(|c| c == '}' || c == '"');
                self.next();
                u32::from_str_radix(&digits, 16).ok()
            }
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| {
            let wrong = Wrong::Text("unknown escape sequence".to_owned());
            let known = "known are \\\" \\\\ \\n \\t \\r \\0 \\x00 to \\x7f and \\u{HEX}; for other \
                         bytes write the value as 0xHEX";
            GrammarError::at(column, wrong).hint(Some(known.to_owned()))
        })
    }
}
