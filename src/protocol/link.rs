//! A reliable link to one peer: first in first out, each message once (section 1, Links).
//!
//! Sequence numbers, acknowledgements (on the back of other messages, or alone after a while),
//! retransmission with back-off, a redelivery filter. Links restart with every view. What drops,
//! duplicates, delays or reorders acts below, so it costs time and retransmissions, never correctness.

use super::defect::Defect;
use super::id::{AmfId, Epoch, Instant, OpId, Span};
use super::message::{Frame, Message};
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that arrived too early and are kept: out of order, or of a view not yet installed.
const EARLY_FRAMES_MAX: usize = 512;
/// A bare acknowledgement goes out after so many messages at the latest ...
const UNACKED_RECEIVED_MAX: u32 = 32;
/// ... or after the retry time divided by this.
const ACK_DELAY_PARTS: u64 = 4;
/// Back-off stops doubling at this many times the retry time.
const BACKOFF_MAX: u64 = 8;
/// Frames sent again at one time-out: enough to fill a gap, not a flood.
const RESEND_BURST_MAX: usize = 64;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    cause: OpId,
    message: Arc<Message>,
}

/// Messages that are next in order: from whom, what caused them, what they say.
pub type Inbox = VecDeque<(AmfId, OpId, Arc<Message>)>;

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    epoch: Epoch,
    retry: Span,
    /// Number of the oldest message in `sent`.
    sent_first: u32,
    sent: VecDeque<Pending>,
    /// When the oldest unacknowledged message was first sent.
    oldest_at: Instant,
    resend_at: Instant,
    backoff: u64,
    /// Number of the next message that is handed on.
    recv_next: u32,
    early: Vec<Frame>,
    unacked: u32,
    ack_at: Instant,
}

impl Link {
    /// A link in the view of `epoch`; `retry` is the first retransmission's delay.
    #[must_use]
    pub fn new(epoch: Epoch, retry: Span) -> Self {
        Self {
            epoch,
            retry,
            sent_first: 1,
            sent: VecDeque::new(),
            oldest_at: Instant::NEVER,
            resend_at: Instant::NEVER,
            backoff: 1,
            recv_next: 1,
            early: Vec::new(),
            unacked: 0,
            ack_at: Instant::NEVER,
        }
    }

    /// Restarts in a newer view: nothing of the old one counts, but frames that came early stay.
    pub fn restart(&mut self, epoch: Epoch) {
        let mut early = core::mem::take(&mut self.early);
        early.retain(|frame| frame.epoch >= epoch);
        *self = Self::new(epoch, self.retry);
        self.early = early;
    }

    /// The frame that carries `message`; it is repeated until acknowledged.
    pub fn send(&mut self, now: Instant, cause: OpId, message: Arc<Message>) -> Frame {
        let seq = self.next_seq();
        if self.sent.is_empty() {
            self.oldest_at = now;
            self.resend_at = now + self.retry;
        }
        self.sent.push_back(Pending { cause, message: Arc::clone(&message) });
        self.frame(seq, false, cause, Some(message))
    }

    /// Takes in a frame of `from`; gives the messages that are now next in order to `inbox`.
    pub fn receive(
        &mut self,
        now: Instant,
        from: AmfId,
        frame: Frame,
        defect: Option<Defect>,
        inbox: &mut Inbox,
    ) {
        if frame.epoch < self.epoch {
            return;
        }
        if frame.epoch > self.epoch {
            self.keep_early(frame);
            return;
        }
        self.acknowledged(now, frame.ack);
        let Some(message) = frame.message.as_ref() else { return };
        if frame.seq < self.recv_next {
            // The other side has not seen the acknowledgement: repeat it soon.
            self.ack_at = self.ack_at.min(now);
            if defect == Some(Defect::NoRedeliveryFilter) {
                inbox.push_back((from, frame.cause, Arc::clone(message)));
            }
            return;
        }
        if frame.seq > self.recv_next {
            self.ack_at = self.ack_at.min(now);
            self.keep_early(frame);
            return;
        }
        self.hand(now, from, frame, inbox);
        while let Some(at) = self.early.iter().position(|early| {
            early.epoch == self.epoch && early.seq == self.recv_next && early.message.is_some()
        }) {
            let next = self.early.swap_remove(at);
            self.hand(now, from, next, inbox);
        }
    }

    /// Takes in frames that came before their view did.
    pub fn receive_early(&mut self, now: Instant, from: AmfId, inbox: &mut Inbox) {
        let mut early = core::mem::take(&mut self.early);
        early.sort_by_key(|frame| (frame.epoch, frame.seq));
        for frame in early {
            self.receive(now, from, frame, None, inbox);
        }
    }

    /// When [`Self::poll`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.resend_at.min(self.ack_at)
    }

    /// Gives the frames that are due: retransmissions, or a bare acknowledgement.
    pub fn poll(&mut self, now: Instant, mut give: impl FnMut(Frame)) {
        if now >= self.resend_at {
            let count = self.sent.len().min(RESEND_BURST_MAX);
            for (seq, at) in (self.sent_first..).zip(0..count) {
                let Pending { cause, message } = self.sent[at].clone();
                give(self.frame(seq, true, cause, Some(message)));
            }
            self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
            self.resend_at = now + Span(self.retry.0 * self.backoff);
        }
        if now >= self.ack_at {
            let frame = self.frame(self.next_seq(), false, OpId::NONE, None);
            give(frame);
        }
    }

    /// Since when the peer has not acknowledged; `NEVER` if it owes nothing.
    #[must_use]
    pub fn undelivered_since(&self) -> Instant {
        self.oldest_at
    }

    /// Nothing of ours is unacknowledged, and we owe no acknowledgement.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.sent.is_empty() && self.ack_at == Instant::NEVER
    }

    /// Messages not acknowledged yet.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.sent.len()
    }

    fn next_seq(&self) -> u32 {
        let count = u32::try_from(self.sent.len()).expect("a view ends before 2^32 messages");
        self.sent_first + count
    }

    fn frame(
        &mut self,
        seq: u32,
        again: bool,
        cause: OpId,
        message: Option<Arc<Message>>,
    ) -> Frame {
        self.unacked = 0;
        self.ack_at = Instant::NEVER;
        Frame { epoch: self.epoch, seq, ack: self.recv_next, again, cause, message }
    }

    fn acknowledged(&mut self, now: Instant, ack: u32) {
        let mut progress = false;
        while self.sent_first < ack && !self.sent.is_empty() {
            self.sent.pop_front();
            self.sent_first += 1;
            progress = true;
        }
        if progress {
            self.backoff = 1;
            let more = !self.sent.is_empty();
            self.oldest_at = if more { now } else { Instant::NEVER };
            self.resend_at = if more { now + self.retry } else { Instant::NEVER };
        }
    }

    fn hand(&mut self, now: Instant, from: AmfId, frame: Frame, inbox: &mut Inbox) {
        assert_eq!(frame.seq, self.recv_next, "links are first in, first out");
        self.recv_next += 1;
        self.unacked += 1;
        let delay =
            if self.unacked >= UNACKED_RECEIVED_MAX { 0 } else { self.retry.0 / ACK_DELAY_PARTS };
        self.ack_at = self.ack_at.min(now + Span(delay));
        if let Some(message) = frame.message {
            inbox.push_back((from, frame.cause, message));
        }
    }

    fn keep_early(&mut self, frame: Frame) {
        let known = |early: &Frame| early.epoch == frame.epoch && early.seq == frame.seq;
        if frame.message.is_some()
            && self.early.len() < EARLY_FRAMES_MAX
            && !self.early.iter().any(known)
        {
            self.early.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: AmfId = AmfId(1);

    fn message(n: u64) -> Arc<Message> {
        Arc::new(Message::ReplicateAck {
            block: super::super::id::Block(n),
            version: super::super::id::Version::ZERO,
            intent: 0,
        })
    }

    /// Two ends, with a network between that loses, repeats and reorders as it is told.
    fn run(mut network: impl FnMut(u64, &mut Vec<Frame>)) {
        let (mut a, mut b) = (Link::new(Epoch(1), Span(100)), Link::new(Epoch(1), Span(100)));
        let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
        let mut got = Vec::new();
        for round in 0..5_000u64 {
            let now = Instant(round * 10);
            if round < 100 {
                to_b.push(a.send(now, OpId::NONE, message(round)));
            }
            a.poll(now, |frame| to_b.push(frame));
            b.poll(now, |frame| to_a.push(frame));
            network(round, &mut to_b);
            let mut handed = VecDeque::new();
            for frame in to_b.drain(..) {
                b.receive(now, PEER, frame, None, &mut handed);
            }
            got.extend(handed.into_iter().map(|(.., m)| m));
            for frame in to_a.drain(..) {
                a.receive(now, PEER, frame, None, &mut VecDeque::new());
            }
        }
        let want: Vec<Arc<Message>> = (0..100).map(message).collect();
        assert_eq!(got, want, "each message once, in order");
        assert!(a.is_quiet() && b.is_quiet(), "everything is acknowledged");
    }

    #[test]
    fn a_good_network_needs_no_retransmission() {
        run(|_, frames| assert!(frames.iter().all(|f| !f.again)));
    }

    #[test]
    fn loss_duplicates_and_reordering_cost_only_time() {
        run(|round, frames| {
            if round % 3 == 0 && round < 3_000 {
                frames.clear();
            }
            frames.reverse();
            if let Some(frame) = frames.first().cloned() {
                frames.push(frame);
            }
        });
    }

    #[test]
    fn an_older_view_is_dropped_and_a_newer_one_waits() {
        let mut link = Link::new(Epoch(2), Span(100));
        let mut handed = VecDeque::new();
        let mut peer = Link::new(Epoch(1), Span(100));
        let old = peer.send(Instant(0), OpId::NONE, message(1));
        link.receive(Instant(0), PEER, old, None, &mut handed);
        assert!(handed.is_empty(), "older: dropped");
        peer.restart(Epoch(3));
        let new = peer.send(Instant(0), OpId::NONE, message(2));
        link.receive(Instant(0), PEER, new, None, &mut handed);
        assert!(handed.is_empty(), "newer: waits");
        link.restart(Epoch(3));
        link.receive_early(Instant(1), PEER, &mut handed);
        assert_eq!(handed.pop_front().map(|(.., m)| m), Some(message(2)));
    }
}
