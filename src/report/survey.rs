//! A recording gone through once for what a report says: figures over time, blocks, faults, takeovers.
//!
//! A run says in its recording when its figures begin and end (`Control::Figures`): what is asked before and
//! after (the warm-up; what is read back) is judged like everything, and counts for nothing. Where nothing
//! says so, all counts.

use super::hdr::{HdrLog, Kind};
use super::sums::{Mark, Survey, Takeover, WIDTH_FIRST, seconds};
use crate::check::{ReadChecker, Start};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Block, Epoch, Instant, OpId, Span};
use crate::protocol::table::Table;
use crate::protocol::{Amf, Answer, HostError, Request, RequestKind};
use crate::timeline::Fold;
use crate::timeline::fold::step_text;
use crate::trace::Counts;
use crate::trace::recording::{Head, Recorded};
use crate::trace::step::{Control, Step};
use hdrhistogram::Histogram;

/// Faults and views that are told of.
const MARKS_MAX: usize = 500;
/// Steps between two looks at the counters.
const LOOK: u64 = 32;
/// Requests that were turned away and may be made again, at most; more than hosts have under way at once.
const REFUSED_MAX: usize = 1 << 16;

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    amf: AmfId,
    is_read: bool,
    is_write: bool,
}

/// A log of latencies, and how to begin it anew.
struct Log {
    written: HdrLog<Vec<u8>>,
    interval: Span,
    about: String,
}

impl Log {
    fn begin(interval: Span, about: String, now: Instant) -> Self {
        let mut written = HdrLog::new(Vec::new(), interval);
        // It is written into memory.
        written.begin(now, &about, None).unwrap_or_default();
        Self { written, interval, about }
    }
}

/// Goes through a recording.
pub struct Surveyor {
    survey: Survey,
    fold: Fold,
    checker: ReadChecker,
    open: Table<OpId, Asked>,
    /// Requests that were turned away, each with when it was made first.
    refused: Table<OpId, Instant>,
    /// A host gives up after this.
    timeout: Span,
    /// The figures have ended.
    is_over: bool,
    /// Latencies, if they are logged.
    log: Option<Log>,
    /// The counters when the figures began.
    base: Counts,
    before: Counts,
    epoch: Epoch,
    /// What took an AMF away, when, and the takeovers before and by now, with the time of the last.
    lost: Option<(String, Instant, u64, u64, Instant)>,
}

impl Surveyor {
    /// Before the first step.
    #[must_use]
    pub fn new(profile: &Profile, head: &Head) -> Self {
        let start = if head.origin.blank { Start::Zero } else { Start::Unknown };
        let fold = Fold::new(profile, head);
        let histogram = || Histogram::new(3).expect("3 digits are allowed");
        let survey = Survey {
            head: head.clone(),
            steps: 0,
            buckets: Vec::new(),
            width: WIDTH_FIRST,
            row_blocks: 1,
            ops: 0,
            errors: 0,
            retried: 0,
            touches: 0,
            hits: 0,
            read_ns: histogram(),
            write_ns: histogram(),
            counts: Counts::default(),
            marks: Vec::new(),
            takeovers: Vec::new(),
            violations: Vec::new(),
            violations_total: 0,
            trouble: None,
            begin: Instant(0),
            end: Instant(0),
            blocks: Table::default(),
        };
        Self {
            survey,
            epoch: fold.world().witness().view().epoch,
            fold,
            checker: ReadChecker::new(profile.config.sectors_per_block(), start),
            open: Table::default(),
            refused: Table::default(),
            timeout: profile.host.timeout,
            is_over: false,
            log: None,
            base: Counts::default(),
            before: Counts::default(),
            lost: None,
        }
    }

    /// Also logs latencies, a line for so long a time; [`Self::end_log`] has the log.
    pub fn log_latencies(&mut self, interval: Span, about: String) {
        self.log = Some(Log::begin(interval, about, Instant(0)));
    }

    /// The log of latencies so far; no more is logged.
    pub fn end_log(&mut self) -> Option<HdrLog<Vec<u8>>> {
        self.log.take().map(|log| log.written)
    }

    /// The next step; `false`: it cannot be followed, and this is the end.
    pub fn step(&mut self, recorded: &Recorded) -> bool {
        let now = recorded.entry.now;
        if !self.is_over {
            self.survey.end = now;
        }
        self.begins(&recorded.entry.step, now);
        let mut answers: Vec<Answer> = Vec::new();
        let applied =
            self.fold.apply_with(recorded, &mut |answer: &Answer| answers.push(answer.clone()));
        for answer in answers {
            for found in self.checker.on_answer(answer.op, &answer, now) {
                self.fold.world_mut().report(&found.checker, found.key, found.text);
            }
            self.answered(&answer, now);
        }
        if applied {
            self.came_of_it(now);
        }
        match &recorded.entry.step {
            Step::Control(Control::Figures(true)) => self.begin_figures(now),
            Step::Control(Control::Figures(false)) => self.end_figures(now),
            Step::Control(_) => self.look(now),
            _ if self.fold.position().is_multiple_of(LOOK) => self.look(now),
            _ => {}
        }
        applied
    }

    fn begins(&mut self, step: &Step, now: Instant) {
        match step {
            Step::Host { amf, request } if !self.fold.world().is_asked(request.op) => {
                self.checker.on_start(request.op, &request.kind, now);
                if !self.is_over {
                    self.asked(*amf, request, now);
                }
            }
            Step::Lose { .. } if !self.is_over => self.survey.bucket(now).lost += 1,
            Step::Control(Control::AcceptLoss(_)) => {
                for lost in self.fold.world().doubt() {
                    let blocks = lost.first.0..lost.first.0 + lost.blocks;
                    blocks.for_each(|block| self.checker.forget(Block(block)));
                }
            }
            Step::Control(control) if is_fault(control) && !self.is_over => {
                let text = step_text(step);
                if takes_away(control) {
                    self.close();
                    let takeovers = self.takeovers();
                    self.lost = Some((text.clone(), now, takeovers, takeovers, now));
                }
                self.mark(now, self.fold.position() + 1, text, true);
            }
            _ => {}
        }
    }

    fn asked(&mut self, amf: AmfId, request: &Request, now: Instant) {
        let is_read = matches!(request.kind, RequestKind::Read(_));
        let is_write = request.kind.is_write();
        let survey = &mut self.survey;
        // A host that was turned away goes on with the same request: it is one, and took from then on.
        let again = self.refused.remove(&request.op);
        if again.is_some() {
            survey.retried += 1;
            survey.errors -= 1;
            let bucket = survey.bucket(now);
            bucket.ops = bucket.ops.saturating_sub(1);
            bucket.errors = bucket.errors.saturating_sub(1);
        } else {
            survey.ops += 1;
        }
        self.open.insert(request.op, Asked { at: again.unwrap_or(now), amf, is_read, is_write });
    }

    /// The warm-up is over: what was counted so far was only that.
    fn begin_figures(&mut self, now: Instant) {
        self.look(now);
        self.base = self.before.clone();
        self.open.clear();
        self.refused.clear();
        let survey = &mut self.survey;
        survey.begin = now;
        (survey.ops, survey.errors, survey.retried) = (0, 0, 0);
        (survey.touches, survey.hits) = (0, 0);
        survey.read_ns.reset();
        survey.write_ns.reset();
        survey.blocks.clear();
        survey.counts = Counts::default();
        if let Some(Log { interval, about, .. }) = self.log.take() {
            self.log = Some(Log::begin(interval, about, now));
        }
        self.mark(now, self.fold.position(), "the figures begin".to_owned(), false);
    }

    /// What comes now is no load any more. Whoever still waits for an answer has given up.
    fn end_figures(&mut self, now: Instant) {
        self.look(now);
        let unanswered = self.open.len() as u64;
        self.survey.errors += unanswered;
        let bucket = self.survey.bucket(now);
        bucket.errors += unanswered;
        bucket.ops += unanswered;
        self.open.clear();
        self.close();
        self.is_over = true;
    }

    /// Blocks that AMFs have adopted so far.
    fn takeovers(&self) -> u64 {
        let world = self.fold.world();
        let up = (0..world.config().amfs).filter_map(|amf| world.amf(AmfId(amf)));
        self.fold.apart().1.takeovers + up.map(|amf: &Amf| amf.stats().takeovers).sum::<u64>()
    }

    /// What the step that was applied last has brought about.
    fn came_of_it(&mut self, now: Instant) {
        if self.is_over {
            return;
        }
        let epoch = self.fold.world().witness().view().epoch;
        if epoch != self.epoch {
            self.epoch = epoch;
            self.mark(now, self.fold.position(), format!("view {}", epoch.0), false);
        }
        let Some((.., seen, _)) = self.lost else { return };
        let takeovers = self.takeovers();
        if takeovers > seen
            && let Some((_, _, _, seen, last)) = &mut self.lost
        {
            (*seen, *last) = (takeovers, now);
        }
    }

    fn mark(&mut self, now: Instant, step: u64, text: String, is_fault: bool) {
        if self.survey.marks.len() < MARKS_MAX {
            self.survey.marks.push(Mark { at_s: seconds(now.0), step, text, is_fault });
        }
    }

    fn answered(&mut self, answer: &Answer, now: Instant) {
        let Some(asked) = self.open.remove(&answer.op) else { return };
        let Asked { at, amf, is_read, is_write } = asked;
        let took = now.since(at);
        let survey = &mut self.survey;
        let bucket = survey.bucket(now);
        bucket.ops += 1;
        // Who asked has given up by then, and hears no answer.
        let Some(touched) = answer.result.as_ref().ok().filter(|_| took <= self.timeout) else {
            bucket.errors += 1;
            survey.errors += 1;
            if answer.result == Err(HostError::NotServing) {
                if self.refused.len() >= REFUSED_MAX {
                    self.refused.clear();
                }
                self.refused.insert(answer.op, at);
            }
            return;
        };
        bucket.latency.record(took.0).unwrap_or_default();
        if let Some(Log { written, .. }) = self.log.as_mut().filter(|_| is_read || is_write) {
            let kind = if is_read { Kind::Read } else { Kind::Write };
            // It is written into memory.
            written.record(kind, now, took.0).unwrap_or_default();
        }
        if is_read {
            survey.read_ns.record(took.0).unwrap_or_default();
        } else if is_write {
            survey.write_ns.record(took.0).unwrap_or_default();
        }
        for touch in touched {
            survey.touched(now, touch.touch.block.0, touch.hit, touch.source, amf, is_write);
        }
    }

    /// Looks at the counters.
    fn look(&mut self, now: Instant) {
        if self.is_over {
            return;
        }
        let counts = self.fold.counts();
        // An AMF that starts again counts from 0: what it had is in none of the later sums.
        let sent = counts.sent_all().saturating_sub(self.before.sent_all());
        self.survey.bucket(now).messages += sent;
        self.survey.counts = counts.since(&self.base);
        self.before = counts;
    }

    fn close(&mut self) {
        let Some((fault, since, before, seen, last)) = self.lost.take() else { return };
        if seen > before && self.survey.takeovers.len() < MARKS_MAX {
            let (at_s, ms) = (seconds(since.0), seconds(last.since(since).0) * 1e3);
            self.survey.takeovers.push(Takeover { fault, at_s, blocks: seen - before, ms });
        }
    }

    /// Everything there is to say.
    #[must_use]
    pub fn end(mut self) -> Survey {
        self.look(self.survey.end);
        self.close();
        let world = self.fold.world();
        self.survey.violations = world.violations().to_vec();
        self.survey.violations_total = world.violations_total();
        self.survey.steps = self.fold.position();
        self.survey.trouble = self.fold.trouble().map(ToString::to_string);
        self.survey
    }
}

/// Faults that a report marks: what is done to a cluster, not what it is asked to do.
fn is_fault(control: &Control) -> bool {
    matches!(
        control,
        Control::Crash(_)
            | Control::PowerFail
            | Control::Restart(_)
            | Control::Pause(_)
            | Control::Resume(_)
            | Control::ExpireLease(_)
            | Control::FailDisk(_)
            | Control::ReplaceDisk(_)
            | Control::Corrupt(..)
            | Control::WitnessDown
            | Control::WitnessUp
            | Control::SetProtocol(_)
            | Control::SetDefect(_)
            | Control::CorruptJournal(_)
            | Control::Partition(_)
            | Control::Heal
            | Control::Link(..)
            | Control::SlowDisk(..)
            | Control::LoseWrites(..)
    )
}

fn takes_away(control: &Control) -> bool {
    matches!(
        control,
        Control::Crash(_)
            | Control::PowerFail
            | Control::Pause(_)
            | Control::ExpireLease(_)
            | Control::Partition(_)
    )
}
