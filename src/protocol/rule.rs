//! Every arm of the core ends in a rule: what was applied, in one sentence, and where it is specified.

use super::id::{AmfId, Key, Version};
use core::fmt;
use serde::{Deserialize, Serialize};

/// State of a block's line in one cache (section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LineState {
    /// Modified: the only valid copy, dirty.
    M,
    /// Owned: dirty, others may have it too (`moesi`, `update`).
    O,
    /// Exclusive: the only copy, clean (not in `broadcast`).
    E,
    /// Shared: clean here, others may have it too.
    S,
    /// Invalid: absent.
    I,
    /// Lent: no valid copy, but kept until its new owner says that it may go (`moesi`, `update`).
    L,
}

impl LineState {
    /// Every state, most owned first.
    pub const ALL: [Self; 6] = [Self::M, Self::O, Self::E, Self::S, Self::I, Self::L];

    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::M => 'M',
            Self::O => 'O',
            Self::E => 'E',
            Self::S => 'S',
            Self::I => 'I',
            Self::L => 'L',
        }
    }

    /// Its letter, as a text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M => "M",
            Self::O => "O",
            Self::E => "E",
            Self::S => "S",
            Self::I => "I",
            Self::L => "L",
        }
    }

    /// A copy that reads may be served from.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        !matches!(self, Self::I | Self::L)
    }

    /// No other AMF has a copy.
    #[must_use]
    pub const fn is_sole(self) -> bool {
        matches!(self, Self::M | Self::E)
    }

    /// Its content is not in the group yet, and this AMF is the one to put it there.
    #[must_use]
    pub const fn is_owned(self) -> bool {
        matches!(self, Self::M | Self::O)
    }

    /// Its content may not be in the group yet: partners keep a replica of it.
    #[must_use]
    pub const fn is_dirty(self) -> bool {
        matches!(self, Self::M | Self::O | Self::L)
    }
}

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// One application of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// The rule.
    pub rule: Rule,
    /// The key it was applied to.
    pub key: Option<Key>,
    /// The line before.
    pub before: LineState,
    /// The line after.
    pub after: LineState,
    /// The other AMF, if one is concerned.
    pub peer: Option<AmfId>,
    /// The version, if one is concerned (else `Version::ZERO`).
    pub version: Version,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.id())?;
        if let Some(key) = self.key {
            write!(f, " {key}")?;
        }
        if self.before != self.after {
            write!(f, " {}->{}", self.before, self.after)?;
        }
        if let Some(peer) = self.peer {
            write!(f, " {peer}")?;
        }
        if self.version != Version::ZERO {
            write!(f, " {}", self.version)?;
        }
        Ok(())
    }
}

macro_rules! rules {
    ($($name:ident, $id:literal, $section:literal, $text:literal;)*) => {
        /// A rule of the protocol. Closed; [`Rule::ALL`] is in the order of PROTOCOL.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(#[doc = $text] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its short name in events and in docs/PROTOCOL.md.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The rule in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Where PROTOCOL.md states it.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }
        }
    };
}

rules! {
    AskShared, "ask-shared", "2, claims 5 6 9", "A miss broadcasts a read search to every sharing partner.";
    AskExclusive, "ask-exclusive", "2, claims 1 3 14", "A write broadcasts a write invalidate to every sharing partner.";
    NotShared, "not-shared", "7, claims 10 to 12", "The line is M or E here, so the data is not shared: no broadcast.";
    NotSharedByList, "not-shared-by-list", "7, claims 10 to 12 [T2]", "The access list names this AMF alone, and every other member has said that it has nothing of the volume: not shared, no broadcast.";
    SayClear, "say-clear", "7 [T2]", "No line, destage or recovering replica of a volume that only another AMF may use: that AMF is told.";
    Clear, "clear", "7 [T2]", "A member has nothing of the volume that only this AMF may use.";
    NotListed, "not-listed", "7 [T2]", "The volume's access list does not name this AMF: the request is refused.";
    DropUnlisted, "drop-unlisted", "7 [T2]", "The volume's access list does not name this AMF: what it adopted is destaged, and the line dropped.";
    DeferHeld, "defer-held", "2.1", "A conflicting access is held here: the request is deferred.";
    DeferTicket, "defer-ticket", "2.1", "A conflicting access with a smaller ticket waits here: the request is deferred.";
    DeferDestaging, "defer-destaging", "2.1", "The block's disk write is in flight: the request is deferred.";
    DeferRecovering, "defer-recovering", "2.1, 6", "The block is recovering and the request is not a recovery: deferred.";
    DestageFirst, "destage-first", "2.2 [H1]", "The line is dirty: it is destaged before it is granted, so no grant carries the only copy.";
    DeferStripe, "defer-stripe", "8 [M3]", "A destage in this stripe is in flight: the stripe is deferred.";
    GrantNothing, "grant-nothing", "2.3", "No valid line here: granted without a copy.";
    GrantShared, "grant-shared", "2.3, claims 6 8 9", "A read search is granted with the copy; E goes to S, and M to O.";
    GrantExclusive, "grant-exclusive", "2.3, claims 3 14", "A write invalidate is granted; the line goes to I and the floor rises.";
    Lend, "lend", "2.2", "A dirty line is granted without being destaged: it is lent, kept until the new owner says that it may go.";
    OfferLent, "offer-lent", "2.2", "A lent line is offered, marked as lent.";
    Superseded, "superseded", "2.2", "The new owner's version is replicated: the lent line is dropped, and its replica retired.";
    Outdated, "outdated", "2.2", "A lender finds that somebody has a newer version: the lent line is dropped.";
    TakeBack, "take-back", "2.2", "A lender has shared access and nobody has newer: L becomes O.";
    Resolve, "resolve", "2.2", "Nobody asks for a lent line: its lender acquires shared access.";
    ResolveStuck, "resolve-stuck", "2.2", "A lender cannot read the disk: the line stays lent until a view brings a disk back.";
    NotCoherent, "not-coherent", "7, none", "No coherency: nobody is asked.";
    SendUpdate, "send-update", "7 [U3, U4]", "The write is replicated: its data goes to those who granted a copy, and the line is shared.";
    Updated, "updated", "7 [U1, U2]", "The sender's write is the newest that was granted here: its data becomes S.";
    IgnoreUpdate, "ignore-update", "7 [U1, U2]", "Another access was granted since, or something is being done with the block: the update is dropped.";
    Granted, "granted", "2", "A sharing partner has granted.";
    IgnoreGrant, "ignore-grant", "2", "A grant of an access that is over: ignored.";
    Release, "release", "2", "The operation is over; deferred requests are evaluated again.";
    Hit, "hit", "3", "The line is valid and the lease is live: served from the own cache, no message.";
    HitWaits, "hit-waits", "3 [H4, T3]", "The version is not acknowledged by every partner yet: the read waits, for a crash could take it back.";
    ReadFromPeer, "read-from-peer", "3, claim 8", "A sharing partner had the data: it comes from its cache.";
    ReadFromDisk, "read-from-disk", "3, claim 7 [H2]", "Nobody had the data, or its copy may be stale: it comes from the resource.";
    Miscompare, "miscompare", "4", "The current content is not what was compared with: nothing is written.";
    Commit, "commit", "4.3", "The write draws its version, above all grants; the line becomes M.";
    AnswerWrite, "answer-write", "4.5, claims 2 4 13", "Every replication partner has acknowledged (and, write-through, the group has stored it): the host is answered.";
    Journal, "journal", "4.5 [J1]", "The version goes to the AMF's own journal.";
    Journalled, "journalled", "4.5 [J1]", "The version, or the intent, is durable in the journal.";
    Unjournal, "unjournal", "4.7 [J3]", "The disk has the version, or its new owner supersedes it: its entry in the journal may go.";
    JournalIntent, "journal-intent", "4.4 [R3, M7]", "What a parity update will write goes to the AMF's own journal, before it is written.";
    UnjournalIntent, "unjournal-intent", "4.7 [R3]", "The parity update is done: its intent in the journal may go.";
    JournalDamaged, "journal-damaged", "4.5 [D2]", "An entry of the journal could not be read: what it may have had is in doubt, and it is forgotten.";
    JournalBroken, "journal-broken", "4.5", "The journal does not work: everything is destaged, and writes go through.";
    Keep, "keep", "4.4, claims 4 13", "A replica of unfinished or dirty work is kept for its owner.";
    Kept, "kept", "4.5", "A partner has acknowledged the version.";
    IgnoreAck, "ignore-ack", "4.5", "An acknowledgement of an older version: ignored.";
    Retire, "retire", "4.6", "The version is on disk: the replica is no longer needed.";
    List, "list", "6", "After a view change an owner says what it needs kept; the rest is forgotten.";
    DropOld, "drop-old", "6 [H6]", "The owner's new partners have everything: the old partner forgets.";
    Destage, "destage", "4", "Dirty data goes to the group; conflicting requests are deferred meanwhile.";
    Destaged, "destaged", "4.6", "The version that was written is still the line's: the line is clean.";
    DestagedOld, "destaged-old", "4.6", "An older version than the line's was written: the line stays dirty.";
    DestageAge, "destage-age", "4", "The line was dirty for too long.";
    DestageHighWater, "destage-high-water", "4", "Too many lines are dirty: the oldest is destaged.";
    TellIntent, "tell-intent", "4 [R3, R4]", "Before data and parity are written the partners learn what the parity will be.";
    RowLost, "row-lost", "8 [R1]", "Too much of the row cannot be read, or its parity does not fit: a media error, never wrong data.";
    ReadAgain, "read-again", "8 [M4]", "No copy could be read, which need not last: all are asked once more, and again after a newer view.";
    Rebuild, "rebuild", "8 [R6]", "The block cannot be read: it is rebuilt from the rest of its row, whose parity fits.";
    Repair, "repair", "8", "The block's check sum was wrong: it is written again from the redundancy.";
    Equalise, "equalise", "4, end; 8", "The parity does not fit the data of its row: it is made anew.";
    NoDisk, "no-disk", "4", "No copy can be written: the line stays dirty until a view brings a disk back.";
    Evict, "evict", "3", "A clean line is dropped to make room; the floor rises.";
    Flush, "flush", "4", "A host wants every acknowledged write durable.";
    DisksBehind, "disks-behind", "4", "Too many lines are on their way out: new touches wait for the disks.";
    OutOfRange, "out-of-range", "1", "The request does not lie inside the volume.";
    NotServing, "not-serving", "5", "No view or no live lease: nothing is served.";
    TooBusy, "too-busy", "1", "Too many touches are under way: the request is not accepted.";
    Stalled, "stalled", "5 [L1]", "The lease has run out: no commit, no install, no answer until it is renewed.";
    LeaseRenewed, "lease-renewed", "5 [L1]", "The lease is live again, counted from when its renewal was sent; what was stalled goes on.";
    LeaseOver, "lease-over", "5 [L1]", "The lease has run out.";
    Suspect, "suspect", "5", "A link cannot deliver: the witness is told.";
    InstallView, "install-view", "6", "A newer view is installed; links restart.";
    IgnoreView, "ignore-view", "6", "A view that is old, or not for this incarnation: ignored.";
    AskAgain, "ask-again", "6", "A waiting access forgets its grants and is broadcast again with its old ticket.";
    Suspend, "suspend", "6", "A waiting access is suspended: a recovery of the block goes first.";
    LastSurvivor, "last-survivor", "4", "No replication partner is left: everything is destaged, and writes go through.";
    Join, "join", "5", "The AMF asks to be let in, under a new incarnation.";
    Joined, "joined", "5 [H7]", "The AMF is a member, under a new incarnation, with nothing of the old one.";
    Evicted, "evicted", "5", "A view without this incarnation: the AMF was evicted.";
    Refused, "refused", "5", "The renewal was refused: the AMF was evicted.";
    Fenced, "fenced", "5 [L2]", "A disk refused the request: the AMF was evicted.";
    Leave, "leave", "5", "Outstanding requests fail; lines, accesses and replicas are dropped.";
    Recovering, "recovering", "6", "The owner of a replica has left: the block is recovering here.";
    StripeRecovering, "stripe-recovering", "6 [R5]", "The owner of a parity update has left: its stripe is recovering here.";
    Redo, "redo", "6 [R1, R3]", "The parity update of an owner that left is finished.";
    RedoNothing, "redo-nothing", "6 [R1]", "The parity update of an owner that left was finished, or the parity has changed since.";
    AdoptLater, "adopt-later", "6 [J5]", "A granter has a newer replica: its recovery goes first.";
    Adopt, "adopt", "6, claims 4 13 [H5]", "The replica becomes M with the version it had: this AMF completes the operation.";
    Adopted, "adopted", "6, claims 4 13", "The adopted block is replicated and on disk; the replica is given up.";
    AdoptOnDisk, "adopt-on-disk", "6 [H5, M1]", "Every copy on disk is at least as new: the replica is dropped.";
    AdoptOwnLine, "adopt-own-line", "6 [H5]", "The version is our own dirty line: the replica is dropped.";
    AdoptNothing, "adopt-nothing", "6", "There is nothing to adopt any more.";
    Mark, "mark", "6 [D1]", "A region is about to have dirty blocks: every disk notes that first.";
    Marked, "marked", "6 [D1]", "Every disk has noted it: the region's blocks may be dirty.";
    Unmark, "unmark", "6 [D1]", "The region was clean for a while: the disks may forget it.";
    Unmarked, "unmarked", "6 [D1]", "The disks have forgotten the region.";
    AskMarks, "ask-marks", "6 [D2]", "Somebody is lost: the disks are asked which regions it had marked.";
    DoubtKnown, "doubt-known", "6 [D2]", "Which regions are in doubt is known.";
    InDoubt, "in-doubt", "6 [D3]", "What can be read may be older than what was acknowledged: an error, never old data.";
    AdoptInDoubt, "adopt-in-doubt", "6 [D3]", "The adopted version is in doubt: it is on disk now, and no line.";
    AcceptLoss, "accept-loss", "6 [D4]", "Hosts accept a loss: what is in doubt is written again, as it is.";
    AcceptNothing, "accept-nothing", "6 [D4]", "Nothing is in doubt: there is nothing to accept.";
    LossAccepted, "loss-accepted", "6 [D4]", "Everything that was in doubt is written again: the witness is told.";
    ReportDisk, "report-disk", "8", "A disk answers with errors: the witness is told.";
    RefillStart, "refill-start", "8 [M3]", "A disk is to be refilled: first no older destage may be in flight.";
    RefillStripe, "refill-stripe", "8 [M3]", "One stripe is copied under its lock.";
    RefillDone, "refill-done", "8", "The disk is full: the witness may trust it.";
    RefillStuck, "refill-stuck", "8", "A disk did not do what a refill asked: nothing is reported; the next view begins again.";
    RefillLost, "refill-lost", "8", "What cannot be read from anywhere is made unreadable on the new disk too: it must not be taken for zeroes.";
    ScrubStart, "scrub-start", "8", "A scrub begins: copies are compared with each other, data with its parity.";
    ScrubDone, "scrub-done", "8", "The scrub is over: what did not fit was mended.";
    SynchroniseStart, "synchronise-start", "4, end", "Copies may differ: each block is made equal.";
    SynchroniseDone, "synchronise-done", "4, end", "All copies are equal again.";
    IgnoreStranger, "ignore-stranger", "1", "A message that is not for this incarnation, or from nobody we know: ignored.";
}
