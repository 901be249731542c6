//! Histories of one register in EDN, as Jepsen and Knossos keep them: a map an event.
//!
//! ```text
//! [{:process 3, :type :invoke, :f :cas, :value [1 2]}   ; whatever else is in a map does not matter
//!  {:process 3, :type :ok, :f :cas, :value [1 2]}]
//! ```
//!
//! The maps may stand in a vector or a list, or by themselves, on as many lines as they like, and have a
//! tag (`#jepsen.history.Op{..}`). Only what such histories need of EDN is read.

use super::jepsen::{Bad, Event, shown};

/// Nesting of a value.
const DEPTH_MAX: u32 = 64;

/// The events of a text, in order; ends after the first error.
pub(super) struct Events<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    ended: bool,
}

/// True if a text looks like such a history.
pub(super) fn is_edn(text: &str) -> bool {
    let mut events = Events::new(text);
    if !events.next_map().is_ok_and(|is_there| is_there) {
        return false;
    }
    // JSON has its keys in quotes.
    text[events.at + 1..].trim_start().starts_with(':')
}

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1, ended: false }
    }

    fn bad(&self, what: impl Into<String>) -> Bad {
        Bad { line: self.line, what: what.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.line += usize::from(self.peek() == Some(b'\n'));
        self.at += 1;
    }

    /// Past blanks, commas and comments.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b';' {
                while self.peek().is_some_and(|byte| byte != b'\n') {
                    self.step();
                }
            } else if byte.is_ascii_whitespace() || byte == b',' {
                self.step();
            } else {
                return;
            }
        }
    }

    /// To the `{` of the next map; `false`: there is none.
    fn next_map(&mut self) -> Result<bool, Bad> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Ok(false),
                Some(b'{') => return Ok(true),
                Some(b'[' | b']' | b'(' | b')') => self.step(),
                Some(b'#') => {
                    self.step();
                    let _tag = self.word();
                }
                Some(_) => {
                    let word = self.word();
                    return Err(self.bad(format!("`{}` is no event", shown(word))));
                }
            }
        }
    }

    /// Up to the next blank or bracket; at least a character.
    fn word(&mut self) -> &'a str {
        let from = self.at;
        let ends = |byte: u8| byte.is_ascii_whitespace() || b",;[](){}".contains(&byte);
        while self.peek().is_some_and(|byte| self.at == from || !ends(byte)) {
            self.step();
        }
        // A bracket is one byte, and everything else is passed over whole.
        self.text.get(from..self.at).unwrap_or_default()
    }

    fn string(&mut self) -> Result<(), Bad> {
        let line = self.line;
        self.step();
        loop {
            match self.peek() {
                None => return Err(Bad { line, what: "a text without its end".to_owned() }),
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.step();
                    self.step();
                }
                Some(_) => self.step(),
            }
        }
    }

    /// A value: a word, a text, or everything between two brackets.
    fn value(&mut self) -> Result<&'a str, Bad> {
        self.skip_blanks();
        let (from, line) = (self.at, self.line);
        let mut depth = 0;
        loop {
            match self.peek() {
                None => return Err(Bad { line, what: "a map without its end".to_owned() }),
                Some(b'"') => self.string()?,
                Some(b'[' | b'(' | b'{') => {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return Err(self.bad(format!("more than {DEPTH_MAX} brackets deep")));
                    }
                    self.step();
                }
                Some(b']' | b')' | b'}') if depth == 0 => {
                    return Err(self.bad("a key without a value"));
                }
                Some(b']' | b')' | b'}') => {
                    depth -= 1;
                    self.step();
                }
                // A tag belongs to what follows it.
                Some(b'#') => {
                    let _tag = self.word();
                    self.skip_blanks();
                    continue;
                }
                Some(_) => {
                    let _word = self.word();
                }
            }
            if depth == 0 {
                return Ok(self.text.get(from..self.at).unwrap_or_default());
            }
            self.skip_blanks();
        }
    }

    fn event(&mut self) -> Result<Option<Event<'a>>, Bad> {
        if !self.next_map()? {
            return Ok(None);
        }
        let line = self.line;
        self.step();
        let [mut process, mut kind, mut what, mut value] = [""; 4];
        loop {
            self.skip_blanks();
            if self.peek() == Some(b'}') {
                self.step();
                break;
            }
            let key = self.value()?;
            let found = self.value()?;
            match key {
                ":process" => process = found,
                ":type" => kind = found,
                ":f" => what = found,
                ":value" => value = found,
                _ => {}
            }
        }
        for (name, found) in [(":process", process), (":type", kind), (":f", what)] {
            if found.is_empty() {
                return Err(Bad { line, what: format!("an event without {name}") });
            }
        }
        Ok(Some(Event { line, process, kind, what, value }))
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let event = self.event();
        self.ended = !matches!(event, Ok(Some(_)));
        event.transpose()
    }
}
