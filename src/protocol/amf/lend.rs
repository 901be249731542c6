//! Lent lines (section 2.2; `moesi` and `update`): a dirty owner hands over without destaging, and
//! keeps what it handed over until the new owner's work is replicated.
//!
//! A lent line is never hit. It stays on the list of what partners keep, and is offered in every later
//! grant, marked: who ends up with it reads the disk too. If nobody asks, its lender acquires shared
//! access and either has it back, as `O`, or finds that somebody has newer.
//!
//! What was handed over is not on disk, although a host was answered for it here, and may ask for a
//! flush here. So it is noted, and a flush writes it back, whoever owns it by then.

use super::Amf;
use super::cache::At;
use super::key::{Job, KeyCtl, Queued};
use super::perform::Content;
use crate::protocol::host::Source;
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, Key, OpId, Version};
use crate::protocol::message::Message;
use crate::protocol::rule::{LineState, Rule};

/// Blocks that may be handed over and not on disk at once; beyond, dirty lines are destaged first.
const HANDED_MAX: usize = 65_536;

impl Amf {
    // ---- handing over

    /// A dirty line need not be destaged before it is granted.
    pub(super) fn may_lend(&self) -> bool {
        self.protocol().lends() && !self.writes_through() && self.handed.len() < HANDED_MAX
    }

    /// The line of a write that is granted elsewhere.
    pub(super) fn lend(&mut self, now: Instant, at: At, to: AmfId) {
        let before = self.cache.set_state(at, LineState::L);
        let line = self.cache.line_mut(at);
        (line.dirty_at, line.stuck) = (now, false);
        let (block, version) = (line.block, line.version);
        self.note_age(now, block);
        let key = Some(Key::Block(block));
        self.fact(Rule::Lend, key, before, LineState::L, Some(to), version);
    }

    /// The new owner's version is replicated: who lent it to us may let go.
    pub(super) fn tell_lenders(&mut self, now: Instant, block: Block, version: Version) {
        let access = self.own_access(Key::Block(block));
        let (lenders, cause) = (access.lenders, access.cause);
        let lenders = lenders.and(self.peers);
        self.broadcast(now, lenders, cause, Message::Superseded { block, version });
    }

    pub(super) fn on_superseded(
        &mut self,
        now: Instant,
        from: AmfId,
        block: Block,
        version: Version,
    ) {
        let key = Key::Block(block);
        let line = self.cache.get(block).filter(|line| line.state == LineState::L);
        if line.is_none_or(|line| line.version > version) {
            return self.rule_peer(Rule::IgnoreAck, key, from);
        }
        self.drop_lent(now, block, Rule::Superseded, Some(from));
        self.unjournal(block, version);
        self.look_at(key);
    }

    /// A lent line is not needed any more: somebody has newer, or the disk has it.
    pub(super) fn drop_lent(
        &mut self,
        now: Instant,
        block: Block,
        rule: Rule,
        peer: Option<AmfId>,
    ) {
        let at = self.cache.find(block).expect("a lent line");
        let line = self.cache.line_mut(at);
        line.missing = AmfSet::EMPTY;
        line.stuck = false;
        let (version, busy) = (line.version, line.busy);
        self.raise_floor(block, version);
        if busy {
            self.cache.set_state(at, LineState::I);
        } else {
            self.cache.remove(at);
        }
        self.relist.remove(&block);
        self.fact(rule, Some(Key::Block(block)), LineState::L, LineState::I, peer, version);
        self.handed.insert(block, version);
        self.retire(now, block, version);
        self.check_covered(now);
    }

    // ---- having it back

    /// Asks for shared access to a lent line, unless that is under way.
    pub(super) fn resolve(&mut self, block: Block) {
        if self.cache.get(block).is_some_and(|line| !line.stuck) {
            self.ask_once(block, Job::Resolve);
        }
    }

    fn ask_once(&mut self, block: Block, job: Job) {
        let key = Key::Block(block);
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        let there = ctl.queue.iter().any(|queued| queued.job == job)
            || ctl.access.as_ref().is_some_and(|access| access.job == job);
        if !there {
            ctl.queue.push_back(Queued::new(job));
            self.rule(Rule::Resolve, Some(key));
        }
        self.look_at(key);
    }

    /// Shared access is held: `O` if nobody has newer, else gone.
    pub(super) fn perform_resolve(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        if self.cache.state(block) != LineState::L {
            return self.release(now, key);
        }
        match self.content(now, block, OpId::NONE) {
            Content::Pending => return,
            Content::Lost => {
                let at = self.cache.find(block).expect("a lent line");
                self.cache.line_mut(at).stuck = true;
                self.rule(Rule::ResolveStuck, Some(key));
                self.flushed(block, Err(crate::protocol::host::HostError::Media));
            }
            // It is written to disk, if that is older, and never is a valid line.
            Content::InDoubt => self.write_back(block),
            Content::Ready(_, _, Source::Cache) => {
                self.take_back(now, block);
                self.start_destage(now, block, OpId::NONE);
            }
            Content::Ready(..) => self.drop_lent(now, block, Rule::Outdated, None),
        }
        self.release(now, key);
    }

    fn take_back(&mut self, now: Instant, block: Block) {
        let at = self.cache.find(block).expect("a lent line");
        self.cache.set_state(at, LineState::O);
        let line = self.cache.line_mut(at);
        line.dirty_at = now;
        let version = line.version;
        self.note_age(now, block);
        let key = Some(Key::Block(block));
        self.fact(Rule::TakeBack, key, LineState::L, LineState::O, None, version);
    }

    /// A read of the lender: it has its line back, and then is a hit like any other \[T3\].
    pub(super) fn take_back_and_read(&mut self, now: Instant, block: Block, op: OpId, index: u32) {
        let key = Key::Block(block);
        self.take_back(now, block);
        let counted = Some(self.own_access(key).hit);
        let ctl = self.keys.get_mut(&key).expect("a held key");
        ctl.queue.push_front(Queued { job: Job::Touch { op, index }, counted, ticket: None });
        self.release(now, key);
    }

    /// A newer view: a disk may be back.
    pub(super) fn resolve_stuck_again(&mut self) {
        let stuck = self.cache.sorted().filter(|(_, line)| line.stuck);
        let lines: Vec<(At, Block)> = stuck.map(|(at, line)| (at, line.block)).collect();
        for (at, block) in lines {
            self.cache.line_mut(at).stuck = false;
            self.resolve(block);
        }
    }

    // ---- what was handed over and is not on disk

    /// Makes whatever the block is now durable: taken over from its owner, and destaged.
    pub(super) fn write_back(&mut self, block: Block) {
        self.ask_once(block, Job::Synchronise);
    }

    /// Blocks that hosts were answered for here, and that others took over before they were on disk.
    pub(super) fn handed_over(&self) -> Vec<(Block, Version)> {
        self.handed.sorted().into_iter().map(|(block, version)| (block, *version)).collect()
    }

    /// Every copy on disk has at least this version.
    pub(super) fn is_durable(&mut self, block: Block, version: Version) {
        self.unjournal(block, version);
        if self.handed.get(&block).is_some_and(|handed| *handed <= version) {
            self.handed.remove(&block);
        }
        if self.is_flushed(block) {
            self.flushed(block, Ok(version));
        }
    }
}
