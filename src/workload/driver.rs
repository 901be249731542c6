//! Which request goes next, and when: queue depth, rate, rhythm and back-off of one generator or replay.
//!
//! Pure bookkeeping, no clock and no I/O: [`Driver::poll`] says what to do now,
//! [`Driver::on_completion`] hears what was answered. The caller submits at once what it is given.

use crate::protocol::RequestKind;
use crate::protocol::id::{AmfId, AmfSet, Instant, Span};
use std::collections::VecDeque;

/// A request that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The AMF to ask.
    pub amf: AmfId,
    /// What to ask.
    pub kind: RequestKind,
    /// When, counted from the start; `None`: as soon as there is room.
    pub at: Option<Instant>,
}

/// What a source has for AMFs that are ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The next request, for one of them.
    Request(Planned),
    /// Nothing for these; there is more for others.
    Blocked,
    /// Nothing any more.
    End,
}

/// Where requests come from: a generator, a trace.
pub trait Source {
    /// The next request for one of the AMFs in `ready`. With every AMF ready, never
    /// [`Fetch::Blocked`].
    fn next_for(&mut self, ready: AmfSet) -> Fetch;

    /// A request that an AMF was given is over. With every AMF ready, [`Fetch::Blocked`] is allowed
    /// while one is not.
    fn on_answer(&mut self, _amf: AmfId) {}
}

/// Requests in a given order, each AMF's kept: an AMF that is not ready holds up the others only
/// when so many of its requests wait that the window is full.
#[derive(Clone, Debug)]
pub struct InOrder<I> {
    requests: I,
    window: VecDeque<Planned>,
    window_max: usize,
}

impl<I: Iterator<Item = Planned>> InOrder<I> {
    /// Looks at most `window_max` (1 or more) requests ahead; with 1 the order is kept exactly.
    #[must_use]
    pub fn new(requests: I, window_max: usize) -> Self {
        assert!(window_max >= 1, "without a window nothing can be looked at");
        Self { requests, window: VecDeque::new(), window_max }
    }

    /// Where the requests come from.
    pub fn requests(&self) -> &I {
        &self.requests
    }
}

impl<I: Iterator<Item = Planned>> Source for InOrder<I> {
    fn next_for(&mut self, ready: AmfSet) -> Fetch {
        if let Some(found) = self.window.iter().position(|planned| ready.contains(planned.amf)) {
            return self.window.remove(found).map_or(Fetch::End, Fetch::Request);
        }
        while self.window.len() < self.window_max {
            match self.requests.next() {
                Some(planned) if ready.contains(planned.amf) => return Fetch::Request(planned),
                Some(planned) => self.window.push_back(planned),
                None if self.window.is_empty() => return Fetch::End,
                None => return Fetch::Blocked,
            }
        }
        Fetch::Blocked
    }
}

/// A driver, whatever its source: what puts load on a cluster holds several.
pub trait Feed: Send {
    /// See [`Driver::poll`].
    fn poll(&mut self, now: Instant) -> Next;
    /// See [`Driver::on_completion`].
    fn on_completion(&mut self, amf: AmfId, now: Instant);
    /// See [`Driver::on_not_serving`].
    fn on_not_serving(&mut self, amf: AmfId, now: Instant);
    /// See [`Driver::pause`].
    fn pause(&mut self, now: Instant);
    /// See [`Driver::resume`].
    fn resume(&mut self, now: Instant);
    /// See [`Driver::stop`].
    fn stop(&mut self);
    /// See [`Driver::outstanding`].
    fn outstanding(&self) -> u64;
}

impl<S: Source + Send> Feed for Driver<S> {
    fn poll(&mut self, now: Instant) -> Next {
        Self::poll(self, now)
    }
    fn on_completion(&mut self, amf: AmfId, now: Instant) {
        Self::on_completion(self, amf, now);
    }
    fn on_not_serving(&mut self, amf: AmfId, now: Instant) {
        Self::on_not_serving(self, amf, now);
    }
    fn pause(&mut self, now: Instant) {
        Self::pause(self, now);
    }
    fn resume(&mut self, now: Instant) {
        Self::resume(self, now);
    }
    fn stop(&mut self) {
        Self::stop(self);
    }
    fn outstanding(&self) -> u64 {
        Self::outstanding(self)
    }
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Submit this, then poll again.
    Submit(Planned),
    /// Nothing before this time, unless a completion comes. [`Instant::NEVER`] while paused.
    WaitUntil(Instant),
    /// Nothing before a completion.
    WaitCompletion,
    /// Everything was submitted and answered.
    Done,
}

/// How a driver goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverSettings {
    /// AMFs that may be asked.
    pub amfs: AmfSet,
    /// Requests outstanding at each AMF, at least 1.
    pub queue_depth: u32,
    /// A request that is later than this moves the whole schedule, so that a stall is not followed
    /// by a burst; `None`: whatever is late is made up for.
    pub late_max: Option<Span>,
}

/// When requests may be made at all, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// Time between an answer and the request that takes its place in the queue.
    pub think: Span,
    /// Requests are made for the first time, then not for the second, and so on.
    pub burst: Option<(Span, Span)>,
    /// Time from the start on after which no more are made.
    pub duration: Option<Span>,
}

/// First wait after an AMF did not serve; doubles up to [`BACK_OFF_MAX`].
const BACK_OFF_FIRST: Span = Span::millis(10);
/// Longest wait after an AMF did not serve.
const BACK_OFF_MAX: Span = Span::secs(1);

/// Decides which request goes next. Getters: `outstanding`, `submitted`, `source`; doing: `poll`;
/// hearing: `on_completion`, `on_not_serving`; steering: `pause`, `resume`, `stop`.
#[derive(Clone, Debug)]
pub struct Driver<S> {
    source: S,
    settings: DriverSettings,
    rhythm: Rhythm,
    /// When the first request may be made; moved by pauses alone.
    origin: Instant,
    /// Time zero of the schedule.
    start: Instant,
    lanes: Vec<Lane>,
    /// Fetched, but not due yet.
    pending: Option<Planned>,
    ended: bool,
    paused: Option<Instant>,
    submitted: u64,
    outstanding: u64,
}

/// One AMF.
#[derive(Clone, Debug, Default)]
struct Lane {
    outstanding: u32,
    /// Until when each free place in its queue stays empty, in order.
    thinking: VecDeque<Instant>,
    /// It did not serve: not before this time again.
    not_before: Instant,
    back_off: Span,
}

impl Lane {
    /// Places in its queue that are not free.
    fn taken(&self) -> u32 {
        self.outstanding + u32::try_from(self.thinking.len()).expect("at most the queue's depth")
    }
}

impl<S: Source> Driver<S> {
    /// A driver whose schedule begins at `start`.
    #[must_use]
    pub fn new(source: S, settings: DriverSettings, start: Instant) -> Self {
        assert!(settings.queue_depth >= 1, "a queue depth of 0 never asks");
        assert!(!settings.amfs.is_empty(), "there is somebody to ask");
        let lanes = settings.amfs.iter().last().map_or(0, |amf| usize::from(amf.0) + 1);
        Self {
            source,
            settings,
            rhythm: Rhythm::default(),
            origin: start,
            start,
            lanes: vec![Lane::default(); lanes],
            pending: None,
            ended: false,
            paused: None,
            submitted: 0,
            outstanding: 0,
        }
    }

    /// The same driver with a rhythm.
    #[must_use]
    pub fn with_rhythm(self, rhythm: Rhythm) -> Self {
        let is_sound = rhythm.burst.is_none_or(|(on, off)| on.0 > 0 && off.0 > 0);
        assert!(is_sound, "a burst and its pause take time");
        Self { rhythm, ..self }
    }

    /// Requests submitted and not answered yet.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Requests submitted so far.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Where the requests come from.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// What to do now. Call again after each [`Next::Submit`].
    pub fn poll(&mut self, now: Instant) -> Next {
        if self.paused.is_some() {
            return self.wait(Instant::NEVER);
        }
        if self.rhythm.duration.is_some_and(|duration| now >= self.origin + duration) {
            self.stop();
        }
        if now < self.origin && !self.ended {
            return Next::WaitUntil(self.origin);
        }
        let thinkers = if self.rhythm.think.0 > 0 { self.lanes.as_mut_slice() } else { &mut [] };
        for lane in thinkers {
            while lane.thinking.front().is_some_and(|until| *until <= now) {
                lane.thinking.pop_front();
            }
        }
        if self.pending.is_none() && !self.ended {
            match self.source.next_for(self.ready(now)) {
                Fetch::Request(planned) => self.pending = Some(planned),
                Fetch::Blocked => return self.blocked(now),
                Fetch::End => self.ended = true,
            }
        }
        match self.pending.take() {
            Some(planned) => self.due(planned, now),
            None if self.outstanding > 0 => Next::WaitCompletion,
            None => Next::Done,
        }
    }

    /// A request that the AMF accepted was answered, with data or with an error.
    pub fn on_completion(&mut self, amf: AmfId, now: Instant) {
        let think = self.rhythm.think;
        let lane = self.answered(amf);
        lane.back_off = Span(0);
        if think.0 > 0 {
            lane.thinking.push_back(now + think);
        }
    }

    /// The AMF did not accept a request: it is left alone for a while, longer each time. The request
    /// counts as answered, and is not made again.
    pub fn on_not_serving(&mut self, amf: AmfId, now: Instant) {
        let lane = self.answered(amf);
        lane.back_off = Span((lane.back_off.0 * 2).clamp(BACK_OFF_FIRST.0, BACK_OFF_MAX.0));
        lane.not_before = now + lane.back_off;
    }

    /// Submits nothing until [`Self::resume`].
    pub fn pause(&mut self, now: Instant) {
        self.paused.get_or_insert(now);
    }

    /// Goes on; the schedule moves by the length of the pause.
    pub fn resume(&mut self, now: Instant) {
        if let Some(since) = self.paused.take() {
            self.start = self.start + now.since(since);
            self.origin = self.origin + now.since(since);
        }
    }

    /// Submits nothing any more; what is outstanding is still waited for.
    pub fn stop(&mut self) {
        self.ended = true;
        self.pending = None;
        self.paused = None;
    }

    /// AMFs with room in their queue, and not left alone.
    fn ready(&self, now: Instant) -> AmfSet {
        let room = |amf: &AmfId| {
            let lane = &self.lanes[usize::from(amf.0)];
            lane.taken() < self.settings.queue_depth && lane.not_before <= now
        };
        self.settings.amfs.iter().filter(room).collect()
    }

    fn due(&mut self, planned: Planned, now: Instant) -> Next {
        let lane = &self.lanes[usize::from(planned.amf.0)];
        assert!(lane.taken() < self.settings.queue_depth, "the source gave an AMF with room");
        let scheduled = planned.at.map(|at| self.scheduled(at));
        let open = if scheduled.is_some() { now } else { self.open_at(now) };
        let due = scheduled.unwrap_or(open).max(lane.not_before);
        if due > now {
            self.pending = Some(planned);
            return Next::WaitUntil(self.until_end(due));
        }
        if let (Some(scheduled), Some(late_max)) = (scheduled, self.settings.late_max) {
            let behind = now.since(scheduled);
            if behind > late_max {
                self.start = self.start + Span(behind.0 - late_max.0);
            }
        }
        self.lanes[usize::from(planned.amf.0)].outstanding += 1;
        self.submitted += 1;
        self.outstanding += 1;
        Next::Submit(planned)
    }

    /// When a request is due that its source wants at this time: pauses between bursts do not count.
    fn scheduled(&self, at: Instant) -> Instant {
        let pauses = match self.rhythm.burst {
            Some((on, off)) => (at.0 / on.0).saturating_mul(off.0),
            None => 0,
        };
        self.start + Span(at.0.saturating_add(pauses))
    }

    /// The first time from `now` on at which a burst lets requests be made.
    fn open_at(&self, now: Instant) -> Instant {
        let Some((on, off)) = self.rhythm.burst else { return now };
        let round = on.0 + off.0;
        let into = now.since(self.origin).0 % round;
        if into < on.0 { now } else { now + Span(round - into) }
    }

    /// At this time, or at the end if that comes before.
    fn until_end(&self, at: Instant) -> Instant {
        let end = self.rhythm.duration.map_or(Instant::NEVER, |duration| self.origin + duration);
        at.min(end)
    }

    /// No AMF that the source wants is ready: the first that will be, or a completion.
    fn blocked(&self, now: Instant) -> Next {
        let refused = self.lanes.iter().map(|lane| lane.not_before);
        let thinking = self.lanes.iter().filter_map(|lane| lane.thinking.front().copied());
        let later = refused.chain(thinking).filter(|at| *at > now).min();
        let blocked = later.is_some() || self.outstanding > 0;
        assert!(blocked, "a source has something for one of all AMFs, or has ended");
        later.map_or(Next::WaitCompletion, |at| Next::WaitUntil(self.until_end(at)))
    }

    fn wait(&self, until: Instant) -> Next {
        if self.outstanding > 0 { Next::WaitCompletion } else { Next::WaitUntil(until) }
    }

    fn answered(&mut self, amf: AmfId) -> &mut Lane {
        self.source.on_answer(amf);
        let lane = &mut self.lanes[usize::from(amf.0)];
        assert!(lane.outstanding > 0, "{amf} answered a request that was not made");
        lane.outstanding -= 1;
        self.outstanding -= 1;
        lane
    }
}
