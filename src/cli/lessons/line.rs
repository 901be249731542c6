//! A lesson in a plain terminal, line by line; or with its answers from a file or a pipe.

use super::super::failure::{FAILED, FINE, Failure};
use super::super::{Done, complain, print};
use super::{WIDTH, read_answers};
use crate::lesson::attempt::Answered;
use crate::lesson::stage::caches;
use crate::lesson::{Attempt, Given, Kind, Lesson, Outcome, Progress, Refusal, Told, Verdict};
use crate::session::Session;
use crate::trace::parse_command;
use crate::tui::view::text::prose;
use std::fmt::Write;
use std::io::{BufRead, Cursor, IsTerminal};
use std::path::Path;

/// Longest line that a learner types, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Words that are no commands.
const HELP: &str = "  enter    on to the next step, once this one is done      back    to the step before
  hint     the next hint                                   again   this step from its beginning
  solve    show the solution (worth no points)             caches  who has which block, in which state
  quit     leave                                           anything else is a command for the cluster
";

/// Where lines come from.
struct Lines {
    source: Box<dyn BufRead>,
    /// A person types them.
    is_person: bool,
}

impl Lines {
    /// The next line; `None`: there is no more. Without a person, empty lines and comments are left out.
    fn next(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        loop {
            if self.is_person {
                print(prompt)?;
            }
            let mut bytes = Vec::new();
            let mut limited = std::io::Read::take(&mut self.source, LINE_BYTES_MAX);
            let read = limited.read_until(b'\n', &mut bytes);
            let read = read.map_err(|error| Failure::usage(format!("the answers: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&bytes).trim().to_owned();
            if self.is_person {
                return Ok(Some(line));
            }
            if !line.is_empty() && !line.starts_with('#') {
                print(&format!("{prompt}{line}\n"))?;
                return Ok(Some(line));
            }
        }
    }
}

/// A learner at a lesson.
struct Learner {
    attempt: Attempt,
    session: Session,
    lines: Lines,
}

/// What a line came to.
enum Next {
    /// The step is to be shown, it may be another one.
    Show,
    /// Something more is to be typed.
    Stay,
    /// No more.
    Quit,
}

/// Takes a lesson.
pub(super) fn run(
    lesson: Lesson,
    answers: Option<&Path>,
    is_anew: bool,
    mut progress: Progress,
) -> Done {
    let source: Box<dyn BufRead> = match answers {
        Some(path) => Box::new(Cursor::new(read_answers(path)?.into_bytes())),
        None => Box::new(std::io::stdin().lock()),
    };
    let is_person = answers.is_none() && std::io::stdin().is_terminal();
    let name = lesson.name.clone();
    let minutes = lesson.minutes;
    let title = format!("{}: {} ({minutes} minutes)\n", lesson.name, lesson.title);
    print(&title)?;
    if is_person {
        print(HELP)?;
    }
    // What is typed beforehand is for all of it.
    let goes_on = is_person && !is_anew;
    let begun = progress.begin(lesson, goes_on).map_err(|refusal| broken(&refusal))?;
    let (attempt, session) = begun;
    if attempt.at() > 0 {
        let (at, steps) = (attempt.at() + 1, attempt.lesson().steps.len());
        print(&format!("it goes on at step {at} of {steps}; --anew begins at the first\n"))?;
    }
    let mut learner = Learner { attempt, session, lines: Lines { source, is_person } };
    learner.go()?;
    let score = learner.attempt.score();
    if learner.attempt.is_over() {
        print(&card(&learner.attempt))?;
        if let Err(trouble) = progress.ended(&name, &score) {
            complain("warning", &trouble.to_string());
        }
    } else {
        let (at, steps) = (learner.attempt.at() + 1, learner.attempt.lesson().steps.len());
        print(&format!("left at step {at} of {steps}: not passed\n"))?;
        if is_person && let Err(trouble) = progress.left(&name, learner.attempt.midway()) {
            complain("warning", &trouble.to_string());
        }
    }
    Ok(if learner.attempt.is_over() && score.is_passed() { FINE } else { FAILED })
}

fn broken(refusal: &Refusal) -> Failure {
    Failure::broken(format!("the lesson: {refusal}"))
}

/// The end: what was done, and what it is worth.
fn card(attempt: &Attempt) -> String {
    let score = attempt.score();
    let mut text = String::from("\n== The end\n");
    let _ = writeln!(text, "  points       {} of {}", score.points, score.of);
    if score.tasks > 0 {
        let _ = writeln!(text, "  tasks        {} of {}", score.done, score.tasks);
    }
    if score.questions > 0 {
        let _ = writeln!(text, "  predictions  {} of {}", score.right, score.questions);
    }
    let _ = writeln!(text, "  hints        {}", score.hints);
    for why in score.what_is_missing() {
        let _ = writeln!(text, "{why}");
    }
    text.push_str(if score.is_passed() { "passed\n" } else { "not passed\n" });
    text
}

impl Learner {
    fn go(&mut self) -> Result<(), Failure> {
        while !self.attempt.is_over() {
            print(&self.step())?;
            loop {
                if self.attempt.is_done() && !self.lines.is_person {
                    self.attempt.next(&mut self.session).map_err(|refusal| broken(&refusal))?;
                    break;
                }
                let prompt = if self.attempt.is_done() { "[enter] goes on> " } else { "> " };
                let asks = matches!(
                    self.attempt.step().map(|step| &step.kind),
                    Some(Kind::Predict { .. })
                );
                let next = if asks && !self.attempt.is_done() {
                    self.ask()?
                } else {
                    match self.lines.next(prompt)? {
                        Some(line) => self.line(&line)?,
                        None => Next::Quit,
                    }
                };
                match next {
                    Next::Show => break,
                    Next::Stay => {}
                    Next::Quit => return Ok(()),
                }
            }
        }
        Ok(())
    }

    /// The step as it begins.
    fn step(&self) -> String {
        let Some(step) = self.attempt.step() else { return String::new() };
        let steps = self.attempt.lesson().steps.len();
        let mut text = format!("\n-- step {} of {steps}\n", self.attempt.at() + 1);
        paragraphs(&mut text, &step.say, "");
        if !self.attempt.scene().is_empty() {
            text.push('\n');
            for told in self.attempt.scene() {
                tell(&mut text, told);
            }
        }
        if !step.kind.text().is_empty() {
            text.push('\n');
            paragraphs(&mut text, step.kind.text(), "  ");
        }
        if self.attempt.outcome().is_some() && self.lines.is_person {
            text.push_str("  (done before: `next` does it again as it was done)\n");
        }
        text
    }

    /// A word, or a command for the cluster.
    fn line(&mut self, line: &str) -> Result<Next, Failure> {
        let done = match line {
            "" if !self.attempt.is_done() => return Ok(Next::Stay),
            "" | "next" => self.attempt.next(&mut self.session).map(|()| Next::Show),
            "back" => self.attempt.back(&mut self.session).map(|()| Next::Show),
            "again" => self.attempt.again(&mut self.session).map(|()| Next::Show),
            "quit" | "exit" => return Ok(Next::Quit),
            "help" | "?" => {
                print(HELP)?;
                return Ok(Next::Stay);
            }
            "hint" => {
                let hint = self.attempt.hint();
                let mut text = String::new();
                paragraphs(&mut text, hint.as_deref().unwrap_or("there is no more hint"), "  ");
                print(&text)?;
                return Ok(Next::Stay);
            }
            "caches" => {
                print(&self.caches())?;
                return Ok(Next::Stay);
            }
            "solve" => self.solve(),
            _ => self.command(line),
        };
        match done {
            Ok(next) => Ok(next),
            Err(Refusal::No(why)) => {
                print(&format!("  {why}\n"))?;
                Ok(Next::Stay)
            }
            Err(refusal @ Refusal::Broken(_)) => Err(broken(&refusal)),
        }
    }

    fn caches(&mut self) -> String {
        let rows = caches(&mut self.session);
        if rows.is_empty() {
            return "  no cache holds anything\n".to_owned();
        }
        format!("  {}\n", rows.join("\n  "))
    }

    fn command(&mut self, line: &str) -> Result<Next, Refusal> {
        let command = parse_command(line, &self.attempt.limits())
            .map_err(|error| Refusal::No(error.to_string()))?;
        let given = self.attempt.give(&mut self.session, &command)?;
        let mut text = String::new();
        report(&mut text, &given.report.lines);
        text.push_str(&self.caches());
        self.verdict(&mut text, &given);
        print(&text).map_err(|failure| Refusal::No(failure.text))?;
        Ok(Next::Stay)
    }

    fn verdict(&self, text: &mut String, given: &Given) {
        match &given.verdict {
            Verdict::Open => {
                for (check, holds) in self.attempt.checks() {
                    let _ = writeln!(text, "  [{}] {check}", if *holds { 'x' } else { ' ' });
                }
            }
            Verdict::Solved => text.push_str("Done.\n"),
            Verdict::Found { finding, defect, commands, best } => {
                let _ = writeln!(text, "Found. {finding}");
                let _ = writeln!(text, "The broken rule is {defect}: it {}.", defect.summary());
                let _ = writeln!(
                    text,
                    "Your script has {commands} commands; the best known has {best}."
                );
            }
            Verdict::Innocent(finding) => {
                let _ =
                    writeln!(text, "A checker fires, but it does so with every rule whole, too:");
                let _ = writeln!(text, "  {finding}\n`again` begins anew.");
            }
        }
        if given.verdict != Verdict::Open {
            self.after(text);
        }
    }

    fn after(&self, text: &mut String) {
        if let Some(step) = self.attempt.step().filter(|step| !step.after.is_empty()) {
            paragraphs(text, &step.after, "");
        }
    }

    fn solve(&mut self) -> Result<Next, Refusal> {
        let told = self.attempt.give_up(&mut self.session)?;
        let mut text = String::from("The solution:\n");
        for told in &told {
            tell(&mut text, told);
        }
        self.after(&mut text);
        print(&text).map_err(|failure| Refusal::No(failure.text))?;
        Ok(Next::Stay)
    }

    /// Asks the questions of a prediction, one after the other; a word ends it.
    fn ask(&mut self) -> Result<Next, Failure> {
        let Some(Kind::Predict { questions, .. }) =
            self.attempt.step().map(|step| step.kind.clone())
        else {
            return Ok(Next::Stay);
        };
        let limits = self.attempt.limits();
        let protocol = self.attempt.profile().config.protocol;
        let mut answers = Vec::new();
        for question in &questions {
            loop {
                let prompt = format!("{} ({}): ", question.words(), question.form(protocol));
                let Some(line) = self.lines.next(&prompt)? else { return Ok(Next::Quit) };
                let words = [
                    "", "next", "back", "again", "quit", "exit", "help", "?", "hint", "caches",
                    "solve",
                ];
                if words.contains(&line.as_str()) {
                    match self.line(&line)? {
                        Next::Stay if line != "solve" => continue,
                        other => return Ok(other),
                    }
                }
                match question.expectation(&line, &limits) {
                    Ok(_) => break answers.push(line),
                    Err(why) => print(&format!("  {why}\n"))?,
                }
            }
        }
        let answered = match self.attempt.answer(&mut self.session, &answers) {
            Ok(answered) => answered,
            Err(refusal) => return Err(broken(&refusal)),
        };
        let mut text = String::new();
        for told in self.attempt.happened() {
            tell(&mut text, told);
        }
        for answered in &answered {
            judged(&mut text, answered);
        }
        if let Some(Outcome::Answered { right }) = self.attempt.outcome() {
            let _ = writeln!(text, "{right} of {} right", answered.len());
        }
        self.after(&mut text);
        print(&text)?;
        Ok(Next::Stay)
    }
}

fn judged(text: &mut String, answered: &Answered) {
    let words = answered.question.words();
    let _ = if answered.is_right {
        writeln!(text, "  right: {words} is {}", answered.truth)
    } else {
        writeln!(text, "  wrong: {words} is {}, not {}", answered.truth, answered.answer)
    };
}

fn tell(text: &mut String, told: &Told) {
    let _ = writeln!(text, "  > {}", told.command);
    report(text, &told.report.lines);
}

fn report(text: &mut String, lines: &[String]) {
    for line in lines {
        paragraphs(text, line, "    ");
    }
}

fn paragraphs(text: &mut String, prose_text: &str, indent: &str) {
    for row in prose(prose_text, WIDTH - indent.len()) {
        let _ = writeln!(text, "{}", format!("{indent}{row}").trim_end());
    }
}
