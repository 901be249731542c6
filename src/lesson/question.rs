//! A question about what will be: an `expect` without its last word. The learner's answer is that word,
//! and it is right if the expectation holds.

use crate::protocol::Protocol;
use crate::trace::grammar::{Limits, nearest, parse_command};
use crate::trace::{Command, Expectation, Outcome};

/// What one can ask about, and an answer of the form that is wanted.
const FORMS: [(&str, &str, &str); 8] = [
    ("state", "M", "`state AMF BLOCK`, answered with M, O, E, S, I or L"),
    ("value", "\"x\"", "`value AMF BLOCK`, answered with the text"),
    ("source", "cache", "`source`, answered with cache, host, amfN or diskN"),
    ("messages", "0", "`messages KIND`, answered with a number"),
    ("broadcasts", "0", "`broadcasts`, answered with a number"),
    ("lock", "shared", "`lock AMF BLOCK`, answered with shared or exclusive"),
    ("result", "ok", "`result LABEL`, answered with ok, pending or the kind of error"),
    ("error", "timeout", "`error`, answered with the kind of error"),
];
/// Numbers that are tried when the right answer is looked for.
const NUMBERS_MAX: u32 = 200;
/// Longest answer, in characters.
const ANSWER_CHARS_MAX: usize = 256;

/// A question about what will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its line in the file.
    pub line: usize,
    /// As written: `state amf1 3`.
    pub probe: String,
    /// Which of the forms.
    form: usize,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub fn parse(line: usize, probe: &str, limits: &Limits) -> Result<Self, (String, String)> {
        let probe = probe.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = probe.split(' ').next().unwrap_or_default();
        let Some(form) = FORMS.iter().position(|(name, ..)| *name == first) else {
            let names = FORMS.map(|(name, ..)| name);
            let hint = match nearest(first, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a question begins with one of: {}", names.join(", ")),
            };
            return Err((format!("`{first}` is nothing that can be asked"), hint));
        };
        let (_, sample, hint) = FORMS[form];
        let question = Self { line, probe, form };
        match question.expectation(sample, limits) {
            Ok(_) => Ok(question),
            Err(why) => Err((format!("`{}` cannot be asked: {why}", question.probe), hint.into())),
        }
    }

    /// The question in words, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.probe.split(' ').collect();
        match words[..] {
            ["state", amf, block] => format!("state of block {block} in {amf}"),
            ["value", amf, block] => format!("content of block {block}, read through {amf}"),
            ["source"] => "where the data came from".to_owned(),
            ["messages", kind] => format!("number of `{kind}` messages"),
            ["broadcasts"] => "number of broadcasts".to_owned(),
            ["lock", amf, block] => format!("access that {amf} holds to block {block}"),
            ["result", label] => format!("result of `{label}`"),
            ["error"] => "kind of error".to_owned(),
            _ => self.probe.clone(),
        }
    }

    /// What an answer looks like, under this protocol: a state is one that it has.
    #[must_use]
    pub fn form(&self, protocol: Protocol) -> &'static str {
        match FORMS[self.form].0 {
            "state" => protocol.line_states(),
            "value" => "text",
            "source" => "cache, host, amfN, diskN",
            "messages" | "broadcasts" => "0, 1, 2, ..",
            "lock" => "shared, exclusive",
            "result" => "ok, pending, not-serving, unknown-outcome, ..",
            _ => "miscompare, not-serving, in-doubt, ..",
        }
    }

    /// What is expected if the learner's answer is right.
    ///
    /// # Errors
    /// It is no answer to this question; in words.
    pub fn expectation(&self, answer: &str, limits: &Limits) -> Result<Command, String> {
        let answer = answer.trim();
        if answer.is_empty() {
            return Err("an answer is missing".to_owned());
        }
        if answer.chars().count() > ANSWER_CHARS_MAX {
            return Err(format!("an answer has at most {ANSWER_CHARS_MAX} characters"));
        }
        let answer = match FORMS[self.form].0 {
            "state" => answer.to_uppercase(),
            "value" if !answer.starts_with(['"', '@']) && !answer.starts_with("0x") => {
                crate::trace::Value::Text(answer.to_owned()).to_string()
            }
            "value" => answer.to_owned(),
            _ => answer.to_lowercase(),
        };
        let text = format!("expect {} {answer}", self.probe);
        parse_command(&text, limits).map_err(|error| error.wrong.to_string())
    }

    /// Why an answer cannot be right under this protocol: it has no such state.
    #[must_use]
    pub fn foreign(&self, answer: &str, protocol: Protocol) -> Option<String> {
        let (state, states) = (answer.trim().to_uppercase(), protocol.line_states());
        let is_foreign = FORMS[self.form].0 == "state" && !states.split(' ').any(|s| s == state);
        is_foreign.then(|| format!("`{state}` is no line state of {protocol} ({states})"))
    }

    /// Answers among which the right one is; none for a content, which is read instead.
    #[must_use]
    pub fn candidates(&self, limits: &Limits) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match FORMS[self.form].0 {
            "state" => words(&["M", "O", "E", "S", "I", "L"]),
            "messages" | "broadcasts" => (0..=NUMBERS_MAX).map(|n| n.to_string()).collect(),
            "lock" => words(&["shared", "exclusive"]),
            "result" | "error" => {
                let mut all: Vec<String> = vec!["ok".to_owned(), Outcome::Pending.to_string()];
                all.extend(crate::protocol::HostError::ALL.map(|error| error.to_string()));
                all
            }
            "source" => {
                let mut all: Vec<String> = words(&["cache", "host"]);
                all.extend((0..limits.amfs).map(|amf| format!("amf{amf}")));
                all.extend((0..limits.disks).map(|disk| format!("disk{disk}")));
                all
            }
            _ => Vec::new(),
        }
    }

    /// The AMF and block whose content is asked for.
    #[must_use]
    pub fn content(
        &self,
        limits: &Limits,
    ) -> Option<(crate::protocol::id::AmfId, crate::protocol::id::Block)> {
        match self.expectation(FORMS[self.form].1, limits) {
            Ok(Command::Expect(Expectation::Value(amf, block, _))) => Some((amf, block)),
            Ok(_) | Err(_) => None,
        }
    }
}
