//! From what machines take and give to what [`super::event`] says about it: both engines use the same
//! words, so that a script's trace reads the same whichever ran it.

use super::event::{DiskWhat, EventKind, Passage};
use crate::protocol::id::{AmfId, Block, NodeId, Version};
use crate::protocol::message::{CopyKind, LineCopy};
use crate::protocol::{
    Answer, Body, DiskDone, DiskOp, DiskReply, Message, Packet, Request, RequestKind, Sectors,
};

/// Values of an answer that spans many blocks are shown up to this many.
const VALUES_MAX: usize = 4;

/// A packet between AMFs that carries a message; `None` for everything else.
#[must_use]
pub fn passage(packet: &Packet) -> Option<Passage> {
    let (NodeId::Amf(from), NodeId::Amf(to)) = (packet.from, packet.to) else { return None };
    let Body::Frame(frame) = &packet.body else { return None };
    let message = frame.message.as_ref()?;
    Some(Passage {
        from,
        to,
        kind: message.kind(),
        key: message.key(),
        detail: detail(message),
        cause: frame.cause,
        again: frame.again,
    })
}

/// What a message says beyond its kind and its key.
#[must_use]
pub fn detail(message: &Message) -> String {
    match message {
        Message::Access { ticket, .. } => ticket.to_string(),
        Message::Grant { copy, reading, replica, .. } => {
            let copy = match copy {
                Some(LineCopy { version, data, kind }) => {
                    let kind = match kind {
                        CopyKind::Clean => "",
                        CopyKind::Owned => "dirty ",
                        CopyKind::Lent => "lent ",
                    };
                    format!("{kind}copy {version} {data}")
                }
                None => "no copy".to_owned(),
            };
            let reading = if *reading { " reading" } else { "" };
            let replica = replica.map_or_else(String::new, |v| format!(" replica {v}"));
            format!("{copy}{reading}{replica}")
        }
        Message::Replicate { version, data, .. } => format!("{version} {data}"),
        Message::Update { ticket, version, data, .. } => format!("{ticket} {version} {data}"),
        Message::ReplicateAck { version, .. } | Message::Superseded { version, .. } => {
            version.to_string()
        }
        Message::Retire { entries } | Message::List { entries } => format!("{}", entries.len()),
        Message::DropOld | Message::Clear => String::new(),
    }
}

/// Any packet in words, for lists of held messages.
#[must_use]
pub fn words(packet: &Packet) -> String {
    match &packet.body {
        Body::Frame(frame) => match &frame.message {
            Some(message) => {
                let key = message.key().map_or_else(String::new, |key| format!(" {key}"));
                format!("{}{key} {}", message.kind(), detail(message)).trim_end().to_owned()
            }
            None => format!("ack {}", frame.ack),
        },
        Body::Witness(message) => {
            let debug = format!("{message:?}");
            let name = debug.split([' ', '(', '{']).next().unwrap_or_default();
            name.to_lowercase()
        }
        Body::DiskRequest(request) => match &request.op {
            DiskOp::Read { at } => format!("disk read {at}"),
            DiskOp::Write { at, version, .. } => format!("disk write {at} {version}"),
            DiskOp::Spoil { at } => format!("disk spoil {at}"),
            DiskOp::NextWritten { at } => format!("disk next from {at}"),
            DiskOp::Flush => "disk flush".to_owned(),
            DiskOp::Mark(mark) => format!("disk mark region {}", mark.region),
            DiskOp::Unmark { region: Some(region), .. } => format!("disk unmark region {region}"),
            DiskOp::Unmark { gone, region: None } => format!("disk unmark {}", gone.owner),
            DiskOp::Marks => "disk marks".to_owned(),
        },
        Body::DiskReply(reply) => match &reply.result {
            Ok(_) => "disk reply".to_owned(),
            Err(error) => format!("disk reply {error:?}"),
        },
    }
}

/// A host's request arrived.
#[must_use]
pub fn asked(request: &Request, sectors_per_block: u32) -> EventKind {
    EventKind::Asked { op: request.op, what: request_words(&request.kind, sectors_per_block) }
}

/// A request in words: `read b3`, `write b3 "x"`; in sectors where it is not of whole blocks.
#[must_use]
pub fn request_words(kind: &RequestKind, sectors_per_block: u32) -> String {
    let place = |sectors: &Sectors| place(*sectors, sectors_per_block);
    match kind {
        RequestKind::Read(sectors) | RequestKind::Zero(sectors) => {
            format!("{} {}", kind.name(), place(sectors))
        }
        RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
            let touch = sectors.touch(0, sectors_per_block);
            let part = payload.part(sectors.first, touch, sectors_per_block);
            let fua = if matches!(kind, RequestKind::WriteFua(..)) { " fua" } else { "" };
            format!("write {} {part}{fua}", place(sectors))
        }
        RequestKind::CompareAndWrite { block, old, new } => {
            format!("caw b{} {old} {new}", block.0)
        }
        RequestKind::Flush => "flush".to_owned(),
    }
}

fn place(sectors: Sectors, per: u32) -> String {
    let (first, count) = (sectors.first, sectors.count);
    if !first.is_multiple_of(u64::from(per)) || !count.is_multiple_of(per) {
        return format!("s{first}+{count}");
    }
    let block = Block(first / u64::from(per));
    match count / per {
        1 => format!("b{block}"),
        blocks => format!("b{block}+{blocks}"),
    }
}

/// A request was answered.
#[must_use]
pub fn answered(answer: &Answer) -> EventKind {
    let op = answer.op;
    let touched = match &answer.result {
        Ok(touched) => touched,
        Err(error) => return EventKind::Answered { op, result: Err(*error), value: None },
    };
    let mut sources = Vec::new();
    for touch in touched {
        if !sources.contains(&touch.source) {
            sources.push(touch.source);
        }
    }
    let values: Vec<String> =
        touched.iter().filter_map(|t| t.data.as_ref()).map(ToString::to_string).collect();
    let value = match values.len() {
        0 => None,
        n if n <= VALUES_MAX => Some(values.join(" ")),
        n => Some(format!("{} ... ({n} blocks)", values[..VALUES_MAX].join(" "))),
    };
    EventKind::Answered { op, result: Ok(sources), value }
}

/// What a disk answers to an AMF: a read, a write, a refusal; `None` for bookkeeping. `place`: the block,
/// and whether it is about the parity of its row.
#[must_use]
pub fn disk_reply(
    reply: &DiskReply,
    amf: AmfId,
    place: Option<(Block, bool)>,
) -> Option<EventKind> {
    let (what, version, error) = match &reply.result {
        Ok(DiskDone::Read { version, .. }) => (DiskWhat::Read, *version, None),
        Ok(DiskDone::Written { version }) => (DiskWhat::Write, *version, None),
        Err(error) => (DiskWhat::Other, Version::ZERO, Some(*error)),
        Ok(DiskDone::Next { .. } | DiskDone::Flushed | DiskDone::Marked | DiskDone::Marks(_)) => {
            return None;
        }
    };
    let (block, parity) = place?;
    Some(EventKind::Disk { amf, what, block, parity, version, error })
}

/// What a request to a disk does there.
#[must_use]
pub const fn disk_what(op: &DiskOp) -> DiskWhat {
    match op {
        DiskOp::Read { .. } => DiskWhat::Read,
        DiskOp::Write { .. } => DiskWhat::Write,
        DiskOp::Spoil { .. }
        | DiskOp::NextWritten { .. }
        | DiskOp::Flush
        | DiskOp::Mark(_)
        | DiskOp::Unmark { .. }
        | DiskOp::Marks => DiskWhat::Other,
    }
}
