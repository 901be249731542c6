//! Seeded defects: each breaks one rule, and a checker must catch it (PROTOCOL.md section 10).
//!
//! Off unless a profile, a script or the console switches one on; reachable no other way.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A rule to break on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// Breaks 2.3: the first sharer asked by a write keeps its valid copy.
    SkipOneInvalidate,
    /// Breaks 2: a write is performed before the last grant.
    AckBeforeGrants,
    /// Breaks H1: a dirty owner lets go of the only copy without destaging it.
    DirtyHandover,
    /// Breaks H2: the best copy of the grants is taken, whatever the floors say.
    StaleGrantCopy,
    /// Breaks T1: where a floor is above the granted copy, the disk is taken unseen.
    FloorTakesDiskUnseen,
    /// Breaks H3: a granter says `reading` only while it waits, not while it holds.
    ReadingOnlyWhileWaiting,
    /// Breaks H3: `E` is installed although somebody else reads.
    ExclusiveDespiteReading,
    /// Breaks H4: a hit shows what no partner has acknowledged yet.
    HitUnreplicated,
    /// Breaks H5: an adoption drops its replica because somebody has a clean copy.
    AdoptTrustsCleanCopy,
    /// Breaks H6: an old partner drops its replicas at the view change.
    OldPartnerDrops,
    /// Breaks H7: a replica whose owner is back is not recovered.
    NoIncarnation,
    /// Breaks 2: deferred requests are answered at a release without a second look.
    BlindRelease,
    /// Breaks 6: requests for a block that is recovering are granted.
    NoRecoveryDeferral,
    /// Breaks 2.1: a grant goes out while the block's disk write is in flight.
    GrantWhileDestaging,
    /// Breaks 2: a deferred request is forgotten.
    LostDeferredGrant,
    /// Breaks 6: grants of an older view count in the new one.
    KeepGrantsAcrossViews,
    /// Breaks 6: a held write gives up its hold at a view change and asks again.
    ResendHeldWrite,
    /// Breaks 5 (L1): hits are served after the lease ran out.
    NoLease,
    /// Breaks 5 (L2): disks perform the requests of evicted AMFs.
    NoFencing,
    /// Breaks M4: a replaced disk obeys whoever has not installed the view that admits it.
    NoAdmission,
    /// Breaks M1: an adoption looks at one copy's header only.
    AdoptLooksAtOneHalf,
    /// Breaks M8: an adoption does not count the newest copy on disk.
    AdoptIgnoresNewerDisk,
    /// Breaks M6: an adoption does not look at a copy under refill.
    AdoptIgnoresRefill,
    /// Breaks 6: an adopted replica gets a new version before anything is compared with it.
    AdoptWithNewVersion,
    /// Breaks M9: a batched `Retire` of a version goes out although it was adopted again.
    RetireAdoptedAgain,
    /// Breaks 4.6 and 6: nothing is retired, and an adoption compares with nothing on disk.
    ForgetRetireAndVersionCheck,
    /// Breaks M2: a disk write starts before the partners have acknowledged.
    WriteThroughBeforeReplicaAck,
    /// Breaks U1: an update is installed whatever was granted since.
    UpdateWithoutTicketCheck,
    /// Breaks U3: updates go out before the write is replicated.
    UpdateAtCommit,
    /// Breaks U4: who sent updates goes on as the only one with a copy.
    UpdateWriterStaysM,
    /// Breaks M3: destages take no stripe lock while a disk is rebuilt.
    RebuildWithoutLock,
    /// Breaks R2: parity is updated without the stripe's lock.
    NoStripeLock,
    /// Breaks R3: partners are not told what a parity update will write.
    NoParityIntent,
    /// Breaks R1: a takeover writes its parity over newer parity.
    BlindRedo,
    /// Breaks R1: a takeover looks at the data block to see whether parity is done.
    RedoTrustsDataHeader,
    /// Breaks R5: a pending parity update does not keep others out of its stripe.
    StripeNotRecovering,
    /// Breaks R6: a block is rebuilt from parity without the stripe's lock, whatever the versions are.
    DegradedReadWithoutLock,
    /// Breaks 8: disks do not look at check sums.
    SkipCrc,
    /// Breaks T2: the only AMF of an access list asks nobody, whatever the others may still have.
    AccessListUnasked,
    /// Breaks J1: a write is answered before its own journal has it.
    AckBeforeJournal,
    /// Breaks J2: a lender may let go before the new owner has journalled.
    SupersedeBeforeJournal,
    /// Breaks D1: nothing notes which regions may be dirty.
    NoDirtyRegionLog,
    /// Breaks D2: whoever is a partner by the map is thought to have the whole list.
    DoubtByPartnerMap,
    /// Breaks J4: an adoption gives up its replica, and neither journal nor disk has it.
    AdoptWithoutJournal,
    /// Breaks links: a packet that arrives twice is handled twice.
    NoRedeliveryFilter,
}

impl Defect {
    /// Every defect that exists.
    pub const ALL: [Self; 45] = [
        Self::SkipOneInvalidate,
        Self::AckBeforeGrants,
        Self::DirtyHandover,
        Self::StaleGrantCopy,
        Self::FloorTakesDiskUnseen,
        Self::ReadingOnlyWhileWaiting,
        Self::ExclusiveDespiteReading,
        Self::HitUnreplicated,
        Self::AdoptTrustsCleanCopy,
        Self::OldPartnerDrops,
        Self::NoIncarnation,
        Self::BlindRelease,
        Self::NoRecoveryDeferral,
        Self::GrantWhileDestaging,
        Self::LostDeferredGrant,
        Self::KeepGrantsAcrossViews,
        Self::ResendHeldWrite,
        Self::NoLease,
        Self::NoFencing,
        Self::NoAdmission,
        Self::AdoptLooksAtOneHalf,
        Self::AdoptIgnoresNewerDisk,
        Self::AdoptIgnoresRefill,
        Self::AdoptWithNewVersion,
        Self::RetireAdoptedAgain,
        Self::ForgetRetireAndVersionCheck,
        Self::WriteThroughBeforeReplicaAck,
        Self::UpdateWithoutTicketCheck,
        Self::UpdateAtCommit,
        Self::UpdateWriterStaysM,
        Self::RebuildWithoutLock,
        Self::NoStripeLock,
        Self::NoParityIntent,
        Self::BlindRedo,
        Self::RedoTrustsDataHeader,
        Self::StripeNotRecovering,
        Self::DegradedReadWithoutLock,
        Self::SkipCrc,
        Self::AccessListUnasked,
        Self::AckBeforeJournal,
        Self::SupersedeBeforeJournal,
        Self::NoDirtyRegionLog,
        Self::DoubtByPartnerMap,
        Self::AdoptWithoutJournal,
        Self::NoRedeliveryFilter,
    ];

    /// Its name in profiles, scripts and on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SkipOneInvalidate => "skip_one_invalidate",
            Self::AckBeforeGrants => "ack_before_grants",
            Self::DirtyHandover => "dirty_handover",
            Self::StaleGrantCopy => "stale_grant_copy",
            Self::FloorTakesDiskUnseen => "floor_takes_disk_unseen",
            Self::ReadingOnlyWhileWaiting => "reading_only_while_waiting",
            Self::ExclusiveDespiteReading => "exclusive_despite_reading",
            Self::HitUnreplicated => "hit_unreplicated",
            Self::AdoptTrustsCleanCopy => "adopt_trusts_clean_copy",
            Self::OldPartnerDrops => "old_partner_drops",
            Self::NoIncarnation => "no_incarnation",
            Self::BlindRelease => "blind_release",
            Self::NoRecoveryDeferral => "no_recovery_deferral",
            Self::GrantWhileDestaging => "grant_while_destaging",
            Self::LostDeferredGrant => "lost_deferred_grant",
            Self::KeepGrantsAcrossViews => "keep_grants_across_views",
            Self::ResendHeldWrite => "resend_held_write",
            Self::NoLease => "no_lease",
            Self::NoFencing => "no_fencing",
            Self::NoAdmission => "no_admission",
            Self::AdoptLooksAtOneHalf => "adopt_looks_at_one_half",
            Self::AdoptIgnoresNewerDisk => "adopt_ignores_newer_disk",
            Self::AdoptIgnoresRefill => "adopt_ignores_refill",
            Self::AdoptWithNewVersion => "adopt_with_new_version",
            Self::RetireAdoptedAgain => "retire_adopted_again",
            Self::ForgetRetireAndVersionCheck => "forget_retire_and_version_check",
            Self::WriteThroughBeforeReplicaAck => "write_through_before_replica_ack",
            Self::UpdateWithoutTicketCheck => "update_without_ticket_check",
            Self::UpdateAtCommit => "update_at_commit",
            Self::UpdateWriterStaysM => "update_writer_stays_m",
            Self::RebuildWithoutLock => "rebuild_without_lock",
            Self::NoStripeLock => "no_stripe_lock",
            Self::NoParityIntent => "no_parity_intent",
            Self::BlindRedo => "blind_redo",
            Self::RedoTrustsDataHeader => "redo_trusts_data_header",
            Self::StripeNotRecovering => "stripe_not_recovering",
            Self::DegradedReadWithoutLock => "degraded_read_without_lock",
            Self::SkipCrc => "skip_crc",
            Self::AccessListUnasked => "access_list_unasked",
            Self::AckBeforeJournal => "ack_before_journal",
            Self::SupersedeBeforeJournal => "supersede_before_journal",
            Self::NoDirtyRegionLog => "no_dirty_region_log",
            Self::DoubtByPartnerMap => "doubt_by_partner_map",
            Self::AdoptWithoutJournal => "adopt_without_journal",
            Self::NoRedeliveryFilter => "no_redelivery_filter",
        }
    }

    /// The rule it breaks, and how, in one sentence.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::SkipOneInvalidate => "breaks 2.3: the first sharer a write asks keeps its copy",
            Self::AckBeforeGrants => "breaks 2: a write is performed before the last grant",
            Self::DirtyHandover => "breaks H1: a dirty owner lets go of the only copy",
            Self::StaleGrantCopy => "breaks H2: a granted copy is trusted whatever the floors say",
            Self::FloorTakesDiskUnseen => {
                "breaks T1: where a floor is above the granted copy, the disk is taken unseen"
            }
            Self::ReadingOnlyWhileWaiting => "breaks H3: a holder does not say that it reads",
            Self::ExclusiveDespiteReading => "breaks H3: E is installed although others read",
            Self::HitUnreplicated => "breaks H4: a hit shows what no partner has yet",
            Self::AdoptTrustsCleanCopy => {
                "breaks H5: an adoption drops its replica because somebody has a clean copy"
            }
            Self::OldPartnerDrops => "breaks H6: an old partner drops its replicas too early",
            Self::NoIncarnation => "breaks H7: replicas of an owner that came back are dropped",
            Self::BlindRelease => "breaks 2: deferred requests are granted without a second look",
            Self::NoRecoveryDeferral => {
                "breaks 6: requests for a block that is recovering are granted"
            }
            Self::GrantWhileDestaging => "breaks 2.1: grants go out while the disk write runs",
            Self::LostDeferredGrant => "breaks 2: a deferred request is forgotten",
            Self::KeepGrantsAcrossViews => "breaks 6: grants of an older view still count",
            Self::ResendHeldWrite => {
                "breaks 6: a held write gives up its hold at a view change and asks again"
            }
            Self::NoLease => "breaks L1: hits go on after the lease ran out",
            Self::NoFencing => "breaks L2: disks obey evicted AMFs",
            Self::NoAdmission => "breaks M4: a replaced disk obeys before it is admitted",
            Self::AdoptLooksAtOneHalf => "breaks M1: an adoption looks at one copy's header",
            Self::AdoptIgnoresNewerDisk => "breaks M8: a newer copy on disk is not counted",
            Self::AdoptIgnoresRefill => "breaks M6: a copy under refill is not looked at",
            Self::AdoptWithNewVersion => "breaks 6: a replica is compared under a new version",
            Self::RetireAdoptedAgain => "breaks M9: a version that was adopted again is retired",
            Self::ForgetRetireAndVersionCheck => {
                "breaks 6: nothing is retired, nothing is compared"
            }
            Self::WriteThroughBeforeReplicaAck => "breaks M2: the disk write does not wait",
            Self::UpdateWithoutTicketCheck => {
                "breaks U1: an update is installed whatever was granted since"
            }
            Self::UpdateAtCommit => "breaks U3: updates go out before the write is replicated",
            Self::UpdateWriterStaysM => {
                "breaks U4: who sent updates goes on as the only one with a copy"
            }
            Self::RebuildWithoutLock => "breaks M3: destages ignore the rebuild",
            Self::NoStripeLock => "breaks R2: parity is updated without the stripe's lock",
            Self::NoParityIntent => "breaks R3: nobody can finish a parity update (write hole)",
            Self::BlindRedo => "breaks R1: a takeover writes over newer parity",
            Self::RedoTrustsDataHeader => "breaks R1: parity is taken as done if the data is",
            Self::StripeNotRecovering => "breaks R5: a half-written stripe is not kept from others",
            Self::DegradedReadWithoutLock => {
                "breaks R6: blocks are rebuilt in the middle of a write"
            }
            Self::SkipCrc => "breaks 8: disks do not look at check sums",
            Self::AccessListUnasked => "breaks T2: an access list is trusted, nobody is asked",
            Self::AckBeforeJournal => {
                "breaks J1: a write is answered before its own journal has it"
            }
            Self::SupersedeBeforeJournal => {
                "breaks J2: a lender may let go before the new owner has journalled"
            }
            Self::NoDirtyRegionLog => "breaks D1: nothing notes which regions may be dirty",
            Self::DoubtByPartnerMap => {
                "breaks D2: partners by the map are thought to have the list"
            }
            Self::AdoptWithoutJournal => {
                "breaks J4: an adoption gives up its replica, and neither journal nor disk has it"
            }
            Self::NoRedeliveryFilter => "breaks links: a duplicate packet is handled twice",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Defect {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|d| d.name() == text)
            .ok_or_else(|| format!("`{text}` is no defect (`amflab defects list` names them)"))
    }
}
