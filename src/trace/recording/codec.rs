//! One step as bytes, and back. Both ends keep the same few numbers, so that what can be foreseen costs
//! nothing: the time of the last step, the next packet of each pair, the next operation.

use super::{Outcome, Recorded};
use crate::protocol::id::{AmfId, DiskId, Instant, NodeId, OpId};
use crate::protocol::{Payload, Request, RequestKind};
use crate::trace::step::{Step, StepEntry};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The low bits of a tag: what kind of step.
const KIND: u8 = 0b0000_0111;
const OTHER: u8 = 0;
const DELIVER: u8 = 1;
const DELIVER_KEEP: u8 = 2;
const LOSE: u8 = 3;
const TICK: u8 = 4;
const STORE: u8 = 5;
const HOST: u8 = 6;
/// The rest of a tag.
const SAME_TIME: u8 = 1 << 3;
const HAS_DIGEST: u8 = 1 << 4;
/// The packet, or the operation, is the one that comes next.
const NEXT: u8 = 1 << 5;
const HAS_OUTCOME: u8 = 1 << 6;
const BROKE: u8 = 1 << 7;

/// Content of a request beyond this is damage: [`crate::protocol::host::REQUEST_SECTORS_MAX`].
const CONTENT_BYTES_MAX: usize = 32 << 20;

/// What both ends know; starts anew with every chunk.
#[derive(Debug)]
pub struct Known {
    amfs: u8,
    nodes: usize,
    now: u64,
    lanes: Vec<u64>,
    op: u64,
    /// Contents of this chunk, each in full once.
    contents: Vec<Arc<[u8]>>,
    places: FxHashMap<Arc<[u8]>, usize>,
}

impl Known {
    /// For a cluster of so many AMFs, and disks with its spares.
    #[must_use]
    pub fn new(amfs: u8, disks: u8) -> Self {
        let nodes = usize::from(amfs) + 1 + usize::from(disks);
        Self {
            amfs,
            nodes,
            now: 0,
            lanes: vec![0; nodes * nodes],
            op: 0,
            contents: Vec::new(),
            places: FxHashMap::default(),
        }
    }

    /// A new chunk begins.
    pub fn reset(&mut self) {
        self.now = 0;
        self.lanes.fill(0);
        self.op = 0;
        self.contents.clear();
        self.places.clear();
    }

    fn byte(&self, node: NodeId) -> u8 {
        u8::try_from(node.index(self.amfs)).expect("a cluster has at most 255 nodes")
    }

    fn node(&self, byte: u8) -> Result<NodeId, Damage> {
        if usize::from(byte) >= self.nodes {
            return Err(Damage("it names a node that this cluster does not have"));
        }
        Ok(NodeId::at_index(usize::from(byte), self.amfs))
    }
}

/// A step that cannot be read although its chunk's check sum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub &'static str);

const SHORT: Damage = Damage("it ends in the middle of a step");
const SERDE: Damage = Damage("it holds a step that this code does not know");

// ---- encoding

/// Appends a step.
pub fn encode(known: &mut Known, recorded: &Recorded, out: &mut Vec<u8>) {
    let Recorded { entry: StepEntry { now, step }, outcome, digest, broke } = recorded;
    let at = out.len();
    out.push(0);
    let mut tag = 0;
    if now.0 == known.now {
        tag |= SAME_TIME;
    } else {
        // Time does not decrease; if it did, the sum would still come out right.
        put_varint(out, now.0.wrapping_sub(known.now));
        known.now = now.0;
    }
    tag |= match step {
        Step::Deliver { from, to, no, keep } => {
            let kind = if *keep { DELIVER_KEEP } else { DELIVER };
            kind | put_packet(known, out, *from, *to, *no)
        }
        Step::Lose { from, to, no } => LOSE | put_packet(known, out, *from, *to, *no),
        Step::Tick { node } => {
            out.push(known.byte(*node));
            TICK
        }
        Step::Store { disk } => {
            out.push(disk.0);
            STORE
        }
        Step::Host { amf, request } => HOST | put_request(known, out, *amf, request),
        Step::Journal { .. } | Step::Control(_) => {
            put_serde(out, step);
            OTHER
        }
    };
    if let Some(outcome) = outcome {
        tag |= HAS_OUTCOME;
        put_outcome(out, outcome);
    }
    if *digest != 0 {
        tag |= HAS_DIGEST;
        out.extend_from_slice(&digest.to_le_bytes());
    }
    if *broke {
        tag |= BROKE;
    }
    out[at] = tag;
}

fn put_packet(known: &mut Known, out: &mut Vec<u8>, from: NodeId, to: NodeId, no: u64) -> u8 {
    let (from, to) = (known.byte(from), known.byte(to));
    out.extend_from_slice(&[from, to]);
    let lane = &mut known.lanes[usize::from(from) * known.nodes + usize::from(to)];
    let next = core::mem::replace(lane, no.wrapping_add(1));
    if next == no {
        return NEXT;
    }
    put_varint(out, zigzag(no.wrapping_sub(next)));
    0
}

fn put_request(known: &mut Known, out: &mut Vec<u8>, amf: AmfId, request: &Request) -> u8 {
    out.push(amf.0);
    let next = core::mem::replace(&mut known.op, request.op.0.wrapping_add(1));
    let mut flag = NEXT;
    if next != request.op.0 {
        put_varint(out, zigzag(request.op.0.wrapping_sub(next)));
        flag = 0;
    }
    if let RequestKind::Write(sectors, Payload::Bytes(bytes)) = &request.kind {
        let bare = RequestKind::Write(*sectors, Payload::Bytes(Arc::from([])));
        put_serde(out, &bare);
        put_content(known, out, bytes);
    } else {
        put_serde(out, &request.kind);
    }
    flag
}

/// In full once a chunk, without the zeroes at its end.
fn put_content(known: &mut Known, out: &mut Vec<u8>, bytes: &Arc<[u8]>) {
    if let Some(place) = known.places.get(bytes) {
        put_varint(out, 0);
        return put_varint(out, *place as u64);
    }
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    put_varint(out, bytes.len() as u64 + 1);
    put_varint(out, used as u64);
    out.extend_from_slice(&bytes[..used]);
    known.places.insert(Arc::clone(bytes), known.contents.len());
    known.contents.push(Arc::clone(bytes));
}

fn put_outcome(out: &mut Vec<u8>, outcome: &Outcome) {
    match outcome {
        Outcome::Known(digest) => {
            out.push(0);
            out.extend_from_slice(&digest.to_le_bytes());
        }
        Outcome::Full(Ok(crate::protocol::StoreDone::Done)) => out.push(1),
        Outcome::Full(result) => {
            out.push(2);
            put_serde(out, result);
        }
    }
}

fn put_serde(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    let bytes = core::mem::take(out);
    *out = postcard::to_extend(value, bytes).expect("steps are plain data");
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the low seven bits")]
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 128")]
    out.push(value as u8);
}

/// Small differences of either sign become small numbers.
const fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ (difference.cast_signed() >> 63).cast_unsigned()
}

const fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

// ---- decoding

/// Bytes that are read from the front.
#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, Damage> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, Damage> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("4 bytes")))
    }

    fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage("it holds a number of more than 64 bits"))
    }

    fn length(&mut self, max: usize) -> Result<usize, Damage> {
        let length = usize::try_from(self.varint()?).ok().filter(|length| *length <= max);
        length.ok_or(Damage("it holds something longer than anything may be"))
    }

    fn serde<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Damage> {
        let (value, rest) = postcard::take_from_bytes(self.0).map_err(|_| SERDE)?;
        self.0 = rest;
        Ok(value)
    }
}

/// Reads the next step.
///
/// # Errors
/// [`Damage`] in words; nothing sensible can follow it.
pub fn decode(known: &mut Known, input: &mut Input<'_>) -> Result<Recorded, Damage> {
    let tag = input.byte()?;
    if tag & SAME_TIME == 0 {
        known.now = known.now.wrapping_add(input.varint()?);
    }
    let step = match tag & KIND {
        OTHER => input.serde()?,
        kind @ (DELIVER | DELIVER_KEEP) => {
            let (from, to, no) = packet(known, input, tag)?;
            Step::Deliver { from, to, no, keep: kind == DELIVER_KEEP }
        }
        LOSE => {
            let (from, to, no) = packet(known, input, tag)?;
            Step::Lose { from, to, no }
        }
        TICK => Step::Tick { node: known.node(input.byte()?)? },
        STORE => Step::Store { disk: DiskId(input.byte()?) },
        HOST => request(known, input, tag)?,
        _ => return Err(SERDE),
    };
    let outcome = if tag & HAS_OUTCOME == 0 { None } else { Some(outcome(input)?) };
    let digest = if tag & HAS_DIGEST == 0 { 0 } else { input.u32()? };
    let entry = StepEntry { now: Instant(known.now), step };
    Ok(Recorded { entry, outcome, digest, broke: tag & BROKE != 0 })
}

fn packet(
    known: &mut Known,
    input: &mut Input<'_>,
    tag: u8,
) -> Result<(NodeId, NodeId, u64), Damage> {
    let (from, to) = (input.byte()?, input.byte()?);
    let nodes = (known.node(from)?, known.node(to)?);
    let index = usize::from(from) * known.nodes + usize::from(to);
    let next = known.lanes[index];
    let no = if tag & NEXT == 0 { next.wrapping_add(unzigzag(input.varint()?)) } else { next };
    known.lanes[index] = no.wrapping_add(1);
    Ok((nodes.0, nodes.1, no))
}

fn request(known: &mut Known, input: &mut Input<'_>, tag: u8) -> Result<Step, Damage> {
    let amf = AmfId(input.byte()?);
    let op =
        if tag & NEXT == 0 { known.op.wrapping_add(unzigzag(input.varint()?)) } else { known.op };
    known.op = op.wrapping_add(1);
    let mut kind: RequestKind = input.serde()?;
    if let RequestKind::Write(_, Payload::Bytes(bytes)) = &mut kind {
        *bytes = content(known, input)?;
    }
    Ok(Step::Host { amf, request: Request { op: OpId(op), kind } })
}

fn content(known: &mut Known, input: &mut Input<'_>) -> Result<Arc<[u8]>, Damage> {
    let length = input.length(CONTENT_BYTES_MAX + 1)?;
    if length == 0 {
        let place = input.length(known.contents.len())?;
        let content = known.contents.get(place);
        return content.cloned().ok_or(Damage("it names content that it did not hold"));
    }
    let used = input.length(length - 1)?;
    let mut bytes = input.take(used)?.to_vec();
    bytes.resize(length - 1, 0);
    let bytes: Arc<[u8]> = bytes.into();
    known.contents.push(Arc::clone(&bytes));
    Ok(bytes)
}

fn outcome(input: &mut Input<'_>) -> Result<Outcome, Damage> {
    Ok(match input.byte()? {
        0 => Outcome::Known(input.u32()?),
        1 => Outcome::Full(Ok(crate::protocol::StoreDone::Done)),
        2 => Outcome::Full(input.serde()?),
        _ => return Err(Damage("it holds an answer of a store that this code does not know")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_either_sign_are_short_and_come_back() {
        for (value, length) in [(0u64, 1), (1, 1), (u64::MAX, 1), (63, 1), (64, 2), (1 << 63, 10)] {
            let mut out = Vec::new();
            put_varint(&mut out, zigzag(value));
            assert_eq!(out.len(), length, "{value}");
            assert_eq!(unzigzag(Input(&out).varint().expect("whole")), value);
        }
    }
}
