//! From machines to what [`super::snapshot`] says about them: the same in both engines.

use super::snapshot::{AmfInfo, AmfStatus, Ask, LineInfo, LockInfo, LockPhase};
use crate::protocol::amf::{Amf, KeyView};
use crate::protocol::id::{AmfId, Instant, Mode, OpId, Span};

/// An AMF as it is now.
#[must_use]
pub fn amf_info(amf: &Amf, status: AmfStatus, now: Instant, lines_max: u32, ask: &Ask) -> AmfInfo {
    let wanted = ask.first..ask.end;
    let line = |line: crate::protocol::amf::LineView<'_>| LineInfo {
        block: line.block,
        state: line.state,
        version: line.version,
        unreplicated: !line.missing.is_empty(),
        destaging: amf.is_destaging(line.block),
    };
    let empty = wanted.is_empty();
    let lines = if empty {
        Vec::new()
    } else {
        amf.lines().filter(|l| wanted.contains(&l.block.0)).map(line).collect()
    };
    let replicas = if empty { Vec::new() } else { amf.replicas() };
    let replicas = replicas.into_iter().filter(|(_, _, block, _)| wanted.contains(&block.0));
    let counted = amf.stats();
    AmfInfo {
        id: amf.id(),
        status,
        epoch: amf.epoch(),
        incarnation: amf.incarnation(),
        lease_left: amf.lease_until().since(now),
        partners: amf.partners(),
        last_survivor: amf.last_survivor(),
        lines_used: amf.lines_used(),
        lines_max,
        dirty: amf.dirty(),
        replicas: u32::try_from(amf.replica_count()).unwrap_or(u32::MAX),
        recovering: u32::try_from(amf.recovering_count()).unwrap_or(u32::MAX),
        ops: counted.ops,
        hits: counted.hits,
        misses: counted.misses,
        lines,
        replicas_kept: replicas.map(|(owner, _, block, version)| (owner, block, version)).collect(),
    }
}

/// What an AMF has to do with a key, for the lock table.
#[must_use]
pub fn lock_info(amf: AmfId, view: KeyView, now: Instant) -> LockInfo {
    let access = view.access;
    let phase = match (&access, view.destaging, view.recovering) {
        (Some(access), ..) if access.held && !access.ticket.is_recovery() => LockPhase::Holding,
        (Some(access), ..) if access.ticket.is_recovery() => LockPhase::Recovering,
        (Some(_), ..) => LockPhase::Waiting,
        (None, _, Some(_)) => LockPhase::Recovering,
        (None, Some(_), None) => LockPhase::Destaging,
        (None, None, None) if view.suspended.is_some() => LockPhase::Suspended,
        (None, None, None) => LockPhase::Queued,
    };
    let since = access.map(|a| a.since).or(view.destaging).or(view.recovering);
    LockInfo {
        key: view.key,
        amf,
        phase,
        mode: access.map_or(Mode::Exclusive, |access| access.mode),
        ticket: access.map(|access| access.ticket).or(view.suspended),
        missing: access.map(|access| access.missing).unwrap_or_default(),
        deferred: view
            .deferred
            .into_iter()
            .map(|(who, mode, ticket, why)| (who, mode, ticket, why.to_owned()))
            .collect(),
        queued: u32::try_from(view.queued).unwrap_or(u32::MAX),
        age: since.map_or(Span(0), |since| now.since(since)),
        cause: access.map_or(OpId::NONE, |access| access.cause),
    }
}
