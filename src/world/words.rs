//! Packets, requests and interference in words, for events and held messages.

use crate::protocol::id::{AmfId, NodeId, SECTOR_BYTES};
use crate::protocol::{
    Body, DiskDone, DiskOp, Frame, Message, Packet, Payload, RequestKind, Sectors, WitnessMsg,
};
use crate::trace::event::Passage;
use crate::trace::step::Control;

/// `write b3 "x"`: a request in words. `block_size` in bytes.
#[must_use]
pub fn request_text(kind: &RequestKind, block_size: u32) -> String {
    let per = block_size / SECTOR_BYTES;
    let span = |span: &Sectors| {
        let (first, rest) = (span.first / u64::from(per), span.first % u64::from(per));
        let whole = rest == 0 && span.count.is_multiple_of(per);
        match (whole, span.count / per) {
            (true, 1) => format!("b{first}"),
            (true, blocks) => format!("b{first}+{blocks}"),
            (false, _) => format!("sector {}+{}", span.first, span.count),
        }
    };
    match kind {
        RequestKind::Read(sectors) => format!("read {}", span(sectors)),
        RequestKind::Write(sectors, payload) => {
            let value = match payload {
                Payload::Stamp { writer, sequence, .. } => format!("w{writer}#{sequence}"),
                Payload::Bytes(bytes) => crate::protocol::Data::from_bytes(bytes).to_string(),
            };
            format!("write {} {value}", span(sectors))
        }
        RequestKind::Zero(sectors) => format!("zero {}", span(sectors)),
        RequestKind::CompareAndWrite { block, old, new } => format!("caw b{} {old} {new}", block.0),
        RequestKind::Flush => "flush".to_owned(),
    }
}

/// The message between AMFs in a packet, if it carries one.
#[must_use]
pub fn passage_of(packet: &Packet) -> Option<Passage> {
    let (NodeId::Amf(from), NodeId::Amf(to), Body::Frame(frame)) =
        (packet.from, packet.to, &packet.body)
    else {
        return None;
    };
    passage(from, to, frame)
}

fn passage(from: AmfId, to: AmfId, frame: &Frame) -> Option<Passage> {
    let message = frame.message.as_ref()?;
    let (kind, key) = (message.kind(), message.key());
    let detail = message_text(message);
    Some(Passage { from, to, kind, key, detail, cause: frame.cause, again: frame.again })
}

fn message_text(message: &Message) -> String {
    match message {
        Message::Access { ticket, .. } => ticket.to_string(),
        Message::Grant { ticket, copy, reading, replica, .. } => {
            let mut text = format!("{ticket} ");
            match copy {
                Some((version, data)) => text.push_str(&format!("copy {version} {data}")),
                None => text.push_str("no copy"),
            }
            if *reading {
                text.push_str(" reading");
            }
            if let Some(version) = replica {
                text.push_str(&format!(" replica {version}"));
            }
            text
        }
        Message::Replicate { version, data, .. } => format!("{version} {data}"),
        Message::ReplicateAck { version, .. } => version.to_string(),
        Message::Retire { entries } | Message::List { entries } => {
            let blocks: Vec<String> =
                entries.iter().map(|(block, version)| format!("b{} {version}", block.0)).collect();
            match blocks.len() {
                0..=4 => format!("[{}]", blocks.join(", ")),
                many => format!("[{many} blocks]"),
            }
        }
        Message::DropOld => String::new(),
    }
}

/// Any packet in words, for the list of held ones.
#[must_use]
pub fn packet_text(packet: &Packet) -> String {
    match &packet.body {
        Body::Frame(frame) => match passage_of(packet) {
            Some(passage) => passage.to_string(),
            None => format!("ack below {}", frame.ack),
        },
        Body::Witness(message) => witness_text(message),
        Body::DiskRequest(request) => match &request.op {
            DiskOp::Read { at } => format!("read {at}"),
            DiskOp::Write { at, version, .. } => format!("write {at} {version}"),
            DiskOp::NextWritten { at } => format!("next written from {at}"),
            DiskOp::Flush => "flush".to_owned(),
        },
        Body::DiskReply(reply) => match &reply.result {
            Ok(DiskDone::Read { version, .. }) => format!("has read {version}"),
            Ok(DiskDone::Written) => "has written".to_owned(),
            Ok(DiskDone::Next { at }) => format!("next written is {at:?}"),
            Ok(DiskDone::Flushed) => "has flushed".to_owned(),
            Err(error) => format!("refuses: {error:?}"),
        },
    }
}

fn witness_text(message: &WitnessMsg) -> String {
    match message {
        WitnessMsg::Renew { epoch, .. } => format!("renew my lease ({epoch})"),
        WitnessMsg::Renewed { .. } => "lease renewed".to_owned(),
        WitnessMsg::Refused { .. } => "lease refused".to_owned(),
        WitnessMsg::Join { attempt } => format!("join as incarnation {attempt}"),
        WitnessMsg::Suspect { peer, .. } => format!("suspect {peer}"),
        WitnessMsg::DiskFailed { disk, .. } => format!("{disk} fails"),
        WitnessMsg::Rebuilt { slot, .. } => format!("slot {slot} is refilled"),
        WitnessMsg::Synchronised { .. } => "copies are equal".to_owned(),
        WitnessMsg::View(view) => format!("view {} {{{}}}", view.epoch, view.set()),
        WitnessMsg::Fence { epoch, who, admit } => {
            format!("fence {{{who}}} below {epoch}{}", if *admit { ", admitted" } else { "" })
        }
        WitnessMsg::Fenced { epoch } => format!("fenced for {epoch}"),
        WitnessMsg::Replaced { .. } => "a blank disk is in place".to_owned(),
    }
}

pub(super) fn control_text(control: &Control) -> String {
    match control {
        Control::Crash(amf) => format!("crash {amf}"),
        Control::Restart(amf) => format!("restart {amf}"),
        Control::Pause(amf) => format!("pause {amf}"),
        Control::Resume(amf) => format!("resume {amf}"),
        Control::ExpireLease(amf) => format!("lease expire {amf}"),
        Control::Evict(amf, Some(block)) => format!("evict {amf} {block}"),
        Control::Evict(amf, None) => format!("evict {amf}"),
        Control::Destage(amf) => format!("destage {amf}"),
        Control::FailDisk(disk) => format!("fail {disk}"),
        Control::ReplaceDisk(disk) => format!("replace {disk}"),
        Control::WitnessDown => "witness down".to_owned(),
        Control::WitnessUp => "witness up".to_owned(),
        Control::SetProtocol(protocol) => format!("protocol {protocol}"),
        Control::SetDefect(Some(defect)) => format!("defect {defect} on"),
        Control::SetDefect(None) => "defect off".to_owned(),
        Control::DropLines(amf) => format!("drop lines {amf}"),
        Control::Skip(span) => format!("clock skipped {span}"),
    }
}
