//! A history in Jepsen's EDN: one operation map a line, as Knossos and Elle read them.
//!
//! ```text
//! {:index 0, :time 1200, :process 0, :type :invoke, :f :write, :value ["b3" 1]}
//! {:index 1, :time 5300, :process 0, :type :ok, :f :write, :value ["b3" 1]}
//! ```
//!
//! Each key is a register of its own, as with `jepsen.independent`: a block, since a block is
//! linearizable by itself. A block that is ever touched in part is given sector by sector (`"s24"`).
//! Values are numbers, each for one content of that key; 0 is zeroes, which every register holds at
//! first (`(cas-register 0)`, `amflab check --initial 0`). A request that touches several keys is an
//! operation on each. A process has one operation at a time, and one whose end is not known (`:info`, or
//! none) is never used again.
//! A compare-and-write that failed says to some checkers that its register did not hold what was compared, to
//! others nothing. Where that is not so (the AMF refused it, or it compared several sectors, one of which
//! differed) it is `:info`, which asserts less than is known.

use super::Export;
use crate::protocol::host::{Touch, Touched};
use crate::protocol::id::{Block, OpId, SECTOR_BYTES};
use crate::protocol::{Answer, Config, Data, HostError, Request, RequestKind, Sectors};
use crate::timeline::Fold;
use crate::timeline::fold::Watch;
use crate::trace::recording::Recorded;
use crate::trace::step::Step;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What is a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Block(u64),
    Sector(u64),
}

/// An operation on one key.
#[derive(Clone, Debug)]
struct Part {
    key: Key,
    process: u64,
    f: &'static str,
    /// As it is printed in `:value`, without the key.
    value: String,
}

/// See the module.
#[derive(Debug)]
pub struct Edn<W> {
    out: W,
    per_block: u32,
    blocks: u64,
    /// Blocks that are touched in part.
    in_part: FxHashSet<u64>,
    contents: FxHashMap<(Key, Data), u64>,
    numbers: FxHashMap<Key, u64>,
    open: FxHashMap<OpId, Vec<Part>>,
    free: BTreeSet<u64>,
    processes: u64,
    index: u64,
}

impl<W: Write> Edn<W> {
    /// Writes to `out` the history of a cluster.
    pub fn new(config: &Config, out: W) -> Self {
        Self {
            out,
            per_block: config.sectors_per_block(),
            blocks: config.blocks,
            in_part: FxHashSet::default(),
            contents: FxHashMap::default(),
            numbers: FxHashMap::default(),
            open: FxHashMap::default(),
            free: BTreeSet::new(),
            processes: 0,
            index: 0,
        }
    }

    /// The number of a content of a key.
    fn number(&mut self, key: Key, data: &Data) -> u64 {
        if data.is_zero() {
            return 0;
        }
        let numbers = &mut self.numbers;
        *self.contents.entry((key, data.clone())).or_insert_with(|| {
            let next = numbers.entry(key).or_default();
            *next += 1;
            *next
        })
    }

    /// The registers of a touch, each with its part of the touch's bytes.
    fn keys(&self, touch: Touch) -> Vec<(Key, u32, u32)> {
        let Block(block) = touch.block;
        if !self.in_part.contains(&block) {
            return vec![(Key::Block(block), 0, touch.len)];
        }
        let first = block * u64::from(self.per_block) + u64::from(touch.offset / SECTOR_BYTES);
        let sectors = 0..touch.len / SECTOR_BYTES;
        sectors
            .map(|n| (Key::Sector(first + u64::from(n)), n * SECTOR_BYTES, SECTOR_BYTES))
            .collect()
    }

    fn line(&mut self, now: u64, kind: &str, part: &Part) -> io::Result<()> {
        let Part { key, process, f, value } = part;
        let key = match key {
            Key::Block(block) => format!("b{block}"),
            Key::Sector(sector) => format!("s{sector}"),
        };
        let index = self.index;
        self.index += 1;
        writeln!(
            self.out,
            "{{:index {index}, :time {now}, :process {process}, :type :{kind}, :f :{f}, :value \
             [\"{key}\" {value}]}}"
        )
    }

    fn touches(&self, request: &Request) -> Vec<Touch> {
        let span = match &request.kind {
            RequestKind::Read(span)
            | RequestKind::Write(span, _)
            | RequestKind::WriteFua(span, _)
            | RequestKind::Zero(span) => *span,
            RequestKind::CompareAndWrite { block, .. } if block.0 < self.blocks => {
                Sectors::of_blocks(*block, 1, self.per_block)
            }
            RequestKind::CompareAndWrite { .. } | RequestKind::Flush => return Vec::new(),
        };
        let end = span.first.checked_add(u64::from(span.count));
        let all = self.blocks * u64::from(self.per_block);
        if span.count == 0 || end.is_none_or(|end| end > all) {
            return Vec::new();
        }
        (0..span.touches(self.per_block)).map(|n| span.touch(n, self.per_block)).collect()
    }

    fn invoke(&mut self, now: u64, request: &Request) -> io::Result<()> {
        let mut parts = Vec::new();
        for touch in self.touches(request) {
            for (key, offset, len) in self.keys(touch) {
                let (f, value) = self.asked(request, touch, (key, offset, len));
                let process = self.free.pop_first().unwrap_or(self.processes);
                self.processes = self.processes.max(process + 1);
                let part = Part { key, process, f, value };
                self.line(now, "invoke", &part)?;
                parts.push(part);
            }
        }
        self.open.insert(request.op, parts);
        Ok(())
    }

    fn asked(
        &mut self,
        request: &Request,
        touch: Touch,
        (key, offset, len): (Key, u32, u32),
    ) -> (&'static str, String) {
        match &request.kind {
            RequestKind::Read(_) | RequestKind::Flush => ("read", "nil".to_owned()),
            RequestKind::Zero(_) => ("write", "0".to_owned()),
            RequestKind::Write(span, payload) | RequestKind::WriteFua(span, payload) => {
                let data = payload.part(span.first, touch, self.per_block).slice(offset, len);
                ("write", self.number(key, &data).to_string())
            }
            RequestKind::CompareAndWrite { old, new, .. } => {
                let pair = [old, new].map(|data| self.number(key, &data.slice(offset, len)));
                ("cas", format!("[{} {}]", pair[0], pair[1]))
            }
        }
    }

    fn answer(&mut self, now: u64, answer: &Answer) -> io::Result<()> {
        let Some(parts) = self.open.remove(&answer.op) else { return Ok(()) };
        let kind = match &answer.result {
            Ok(_) => "ok",
            Err(error) => of_error(*error, parts.first().is_some_and(|part| part.f == "read")),
        };
        for mut part in parts {
            if let (Ok(touched), "read") = (&answer.result, part.f)
                && let Some(data) = self.read(part.key, touched)
            {
                part.value = self.number(part.key, &data).to_string();
            }
            let differed = answer.result == Err(HostError::Miscompare);
            let says_more = kind == "fail" && part.f == "cas";
            let is_known = differed && matches!(part.key, Key::Block(_));
            let kind = if says_more && !is_known { "info" } else { kind };
            self.line(now, kind, &part)?;
            if kind != "info" {
                self.free.insert(part.process);
            }
        }
        Ok(())
    }

    /// What was read of a key.
    fn read(&self, key: Key, touched: &[Touched]) -> Option<Data> {
        touched.iter().find_map(|touched| {
            let data = touched.data.as_ref()?;
            let keys = self.keys(touched.touch);
            let (_, offset, len) = keys.into_iter().find(|(other, ..)| *other == key)?;
            Some(data.slice(offset, len))
        })
    }
}

/// Whether an operation that failed may have had an effect.
fn of_error(error: HostError, is_read: bool) -> &'static str {
    match error {
        HostError::Miscompare | HostError::NotServing | HostError::OutOfRange => "fail",
        HostError::Timeout | HostError::UnknownOutcome | HostError::Media | HostError::InDoubt => {
            if is_read {
                "fail"
            } else {
                "info"
            }
        }
    }
}

impl<W: Write> Export for Edn<W> {
    fn needs_survey(&self) -> bool {
        true
    }

    fn survey(&mut self, recorded: &Recorded) {
        if let Step::Host { request, .. } = &recorded.entry.step {
            let whole = self.per_block * SECTOR_BYTES;
            let in_part = self.touches(request).into_iter().filter(|touch| touch.len != whole);
            let blocks: Vec<u64> = in_part.map(|touch| touch.block.0).collect();
            self.in_part.extend(blocks);
        }
    }

    fn step(&mut self, recorded: &Recorded, fold: &mut Fold) -> io::Result<bool> {
        let now = recorded.entry.now.0;
        if let Step::Host { request, .. } = &recorded.entry.step {
            self.invoke(now, request)?;
        }
        let mut answers = Answers(Vec::new());
        let goes_on = fold.apply_with(recorded, &mut answers);
        for answer in answers.0 {
            self.answer(now, &answer)?;
        }
        Ok(goes_on)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Answers(Vec<Answer>);

impl Watch for Answers {
    fn answered(&mut self, answer: &Answer) {
        self.0.push(answer.clone());
    }
}
