//! What lists are filtered by: words, all of which a row must have.
//!
//! A word with a digit in it is a name (`b3`, `op12`, `amf1`) and is meant whole, or as the beginning of one
//! if it ends in `*`: `b3` is not `b30`. Any other word is fuzzy: its letters come in this order in one word
//! of the row, so that `grnt` finds `grant`.

use core::cell::RefCell;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// One word of a filter.
enum Wanted {
    Whole(String),
    Start(String),
    Fuzzy(Pattern),
}

/// Words that a row must have; made once for a whole list.
pub struct Filter {
    wanted: Vec<Wanted>,
    /// It wants to be written to: it keeps its memory from word to word.
    matcher: RefCell<(Matcher, Vec<char>)>,
}

impl Filter {
    /// Of what was typed; nothing lets everything through.
    #[must_use]
    pub fn new(words: &str) -> Self {
        let wanted = |word: &str| match word.strip_suffix('*') {
            Some(start) => Wanted::Start(start.to_lowercase()),
            None if word.contains(|c: char| c.is_ascii_digit()) => {
                Wanted::Whole(word.to_lowercase())
            }
            None => Wanted::Fuzzy(Pattern::parse(word, CaseMatching::Ignore, Normalization::Smart)),
        };
        let wanted: Vec<Wanted> = words.split_whitespace().map(wanted).collect();
        Self { wanted, matcher: RefCell::new((Matcher::new(Config::DEFAULT), Vec::new())) }
    }

    /// True if a row with this text has every word.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        let text = text.to_lowercase();
        let words = || {
            let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')');
            text.split(ends).filter(|word| !word.is_empty())
        };
        let (matcher, buffer) = &mut *self.matcher.borrow_mut();
        self.wanted.iter().all(|wanted| match wanted {
            Wanted::Whole(whole) => words().any(|word| word == whole),
            Wanted::Start(start) => words().any(|word| word.starts_with(start.as_str())),
            Wanted::Fuzzy(pattern) => {
                words().any(|word| pattern.score(Utf32Str::new(word, buffer), matcher).is_some())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn names_are_whole_and_other_words_fuzzy() {
        let matches = |filter: &str, text: &str| Filter::new(filter).matches(text);
        let row = "op45 amf1 read b17, from amf0: Grant";
        for filter in ["", "b17", "grnt", "GRANT", "rd b1*", "op45 amf0", "  read  "] {
            assert!(matches(filter, row), "{filter}");
        }
        for filter in ["b1", "amf", "op4", "write", "grant b3", "tnrg", "readgrant"] {
            // `amf` has no digit: its letters are in `amf1`.
            assert_eq!(matches(filter, row), filter == "amf", "{filter}");
        }
    }
}
