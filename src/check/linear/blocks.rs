//! The registers of a volume's history: one for each block.
//!
//! A request takes effect in each block that it overlaps on its own. Sectors of a block that every
//! operation treats alike are one cell of its register; mostly there is one. Where a history does not say
//! how large blocks are, a compare-and-write does (it is about one); without any, each sector is judged
//! by itself.

use super::op::{Act, Content, Op};
use super::register::Register;
use super::space::{Cells, Pattern, Space, UNKNOWN};
use crate::check::history::{LOST, Operation};
use crate::check::value::Value;
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::table::Table;
use core::ops::Range;
use serde::Deserialize;
use smallvec::SmallVec;

/// Sectors of a block, at most.
const BLOCK_SECTORS_MAX: u32 = 2_048;

/// Sectors of a block with one value, by their place in it.
type Places = SmallVec<[(Range<u32>, Value); 1]>;

/// Neighbouring sectors with one value.
type Runs = SmallVec<[(u32, Value); 1]>;

/// An operation as [`Operation`] says it, without copies.
#[derive(Deserialize)]
struct Line<'a> {
    kind: &'a str,
    first: u64,
    count: u32,
    #[serde(default)]
    block: u32,
    #[serde(default)]
    used: bool,
    start: u64,
    #[serde(default)]
    end: Option<u64>,
    result: &'a str,
    #[serde(default, borrow)]
    values: SmallVec<[(u32, &'a str); 1]>,
    #[serde(default, borrow)]
    old: SmallVec<[(u32, &'a str); 1]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Swap,
    Miss,
}

/// An operation that had, or may have, an effect that can be seen.
#[derive(Clone, Debug)]
struct Request {
    /// The line, from 1.
    line: u32,
    kind: Kind,
    first: u64,
    start: u64,
    end: Option<u64>,
    values: Runs,
    old: Option<Box<Runs>>,
}

impl Request {
    fn count(&self) -> u32 {
        self.values.iter().map(|(count, _)| count).sum()
    }
}

/// What a request did in one block.
struct Part<'a> {
    request: &'a Request,
    /// When it was over; `None`: it may take effect at any time, or never.
    end: Option<u64>,
    values: Places,
    old: Places,
}

/// A history, sorted by blocks.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    requests: Vec<Request>,
    /// Block and request, by block.
    touches: Vec<(u64, u32)>,
    /// Where in `touches` the blocks begin, and where the last one ends.
    begins: Vec<usize>,
    /// Sectors.
    per_block: u32,
    is_used: bool,
    lines: u32,
    /// When hosts lived with the loss of what a block held, newest.
    lost: Table<u64, u64>,
}

/// A block's register.
#[derive(Clone, Debug)]
pub struct BlockPart {
    /// The first sector.
    pub first: u64,
    /// Its operations.
    pub register: Register,
    /// The line of each operation, from 1.
    pub lines: Vec<u32>,
}

impl Blocks {
    /// Reads one line of a history; lines are to come in their order.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(&mut self, text: &str) -> Result<(), String> {
        self.lines = self.lines.checked_add(1).ok_or("too many lines")?;
        if text.trim().is_empty() {
            return Ok(());
        }
        let Ok(line) = serde_json::from_str::<Line>(text) else {
            // With escapes, or wrong: the slow way knows.
            let operation = Operation::from_json(text)?;
            let plain = operation.to_json().map_err(|error| error.to_string())?;
            let line = serde_json::from_str(&plain).map_err(|error| error.to_string())?;
            return self.add(&line);
        };
        self.add(&line)
    }

    fn add(&mut self, line: &Line) -> Result<(), String> {
        if line.end.is_some_and(|end| end < line.start) {
            return Err("it was answered before it was asked".to_owned());
        }
        if line.kind == "flush" {
            return Ok(());
        }
        let is_swap = line.kind == "caw";
        self.on_block(if line.block == 0 && is_swap { line.count } else { line.block })?;
        self.is_used |= line.used;
        if line.count == 0 || line.count > REQUEST_SECTORS_MAX {
            return Err(format!("{} sectors; 1 to {REQUEST_SECTORS_MAX} are allowed", line.count));
        }
        if line.first.checked_add(u64::from(line.count)).is_none() {
            return Err(format!("there is no sector {}", line.first));
        }
        let is_one_block =
            || line.count == self.per_block && line.first.is_multiple_of(u64::from(line.count));
        if is_swap && !is_one_block() {
            return Err("a compare-and-write is about one block".to_owned());
        }
        if line.kind == LOST {
            let (block, at) = (line.first / u64::from(line.count), line.start);
            let newest = self.lost.get_or_insert_with(block, || at);
            *newest = (*newest).max(at);
            return if is_one_block() { Ok(()) } else { Err("a loss is of one block".to_owned()) };
        }
        let Some((kind, is_open)) = kind_of(line)? else { return Ok(()) };
        if !is_open && line.end.is_none() {
            return Err("an answer without a time".to_owned());
        }
        let request = Request {
            line: self.lines,
            kind,
            first: line.first,
            start: line.start,
            end: line.end.filter(|_| !is_open),
            values: runs(&line.values, line.count)?,
            old: if is_swap { Some(Box::new(runs(&line.old, line.count)?)) } else { None },
        };
        self.requests.push(request);
        Ok(())
    }

    /// A line says how many sectors a block has (0: it does not).
    fn on_block(&mut self, said: u32) -> Result<(), String> {
        if said == 0 {
            return Ok(());
        }
        if !said.is_power_of_two() || said > BLOCK_SECTORS_MAX {
            return Err(format!("a block of {said} sectors"));
        }
        if self.per_block != 0 && self.per_block != said {
            let before = self.per_block;
            return Err(format!("a block of {said} sectors, but there was one of {before}"));
        }
        self.per_block = said;
        Ok(())
    }

    /// Sorts what was read by blocks; to be called once, at the end.
    pub fn sort(&mut self) {
        let per = u64::from(self.per_block.max(1));
        self.per_block = self.per_block.max(1);
        for (index, request) in (0..).zip(&self.requests) {
            let last = request.first + u64::from(request.count()) - 1;
            self.touches.extend((request.first / per..=last / per).map(|block| (block, index)));
        }
        self.touches.sort_unstable();
        let starts = (0..self.touches.len())
            .filter(|at| *at == 0 || self.touches[*at].0 != self.touches[at - 1].0);
        self.begins = starts.collect();
        self.begins.push(self.touches.len());
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }

    /// True if nothing was read that could be judged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Operations that can be judged.
    pub fn operations(&self) -> usize {
        self.requests.len()
    }

    /// The sectors of a block.
    pub fn per_block(&self) -> u32 {
        self.per_block
    }

    /// The `index`th block. Once hosts live with the loss of what it held it may hold anything: what was
    /// over by then says nothing any more, and what a read under way saw neither. A write under way may have
    /// taken effect before, and then nobody sees it, or after.
    pub fn part(&self, index: usize) -> BlockPart {
        let touches = &self.touches[self.begins[index]..self.begins[index + 1]];
        let first = touches[0].0 * u64::from(self.per_block);
        let lost = self.lost.get(&touches[0].0).copied();
        let counts = |request: &Request| {
            lost.is_none_or(|lost| match request.kind {
                Kind::Read | Kind::Miss => request.start > lost,
                Kind::Write | Kind::Swap => request.end.is_none_or(|end| end > lost),
            })
        };
        let parts: Vec<Part> = touches
            .iter()
            .filter(|(_, request)| counts(&self.requests[*request as usize]))
            .map(|(_, request)| {
                let request = &self.requests[*request as usize];
                let clip = |runs| clipped(runs, request.first, first, self.per_block);
                let under_way = lost.is_some_and(|lost| request.start <= lost);
                Part {
                    request,
                    end: request.end.filter(|_| !under_way),
                    values: clip(&request.values),
                    old: request.old.as_ref().map(|old| clip(old)).unwrap_or_default(),
                }
            })
            .collect();
        let lines = parts.iter().map(|part| part.request.line).collect();
        let is_used = self.is_used || lost.is_some();
        BlockPart { first, register: register(&parts, is_used), lines }
    }
}

/// What an operation came to, and whether that is open; `None` if nobody could tell that it was there.
fn kind_of(line: &Line) -> Result<Option<(Kind, bool)>, String> {
    let is_open = match line.result {
        "ok" | "miscompare" => false,
        "not-serving" | "out-of-range" => return Ok(None),
        "none" | "timeout" | "unknown-outcome" | "media" | "in-doubt" => true,
        other => return Err(format!("`{}` is no result", other.escape_debug())),
    };
    let kind = match (line.kind, line.result) {
        ("read", "ok") => Kind::Read,
        ("read", _) if is_open => return Ok(None),
        ("caw", "miscompare") => Kind::Miss,
        ("caw", _) => Kind::Swap,
        ("write" | "zero", result) if result != "miscompare" => Kind::Write,
        (kind, result) => {
            let (kind, result) = (kind.escape_debug(), result.escape_debug());
            return Err(format!("a `{kind}` cannot come to `{result}`"));
        }
    };
    Ok(Some((kind, is_open)))
}

fn runs(texts: &[(u32, &str)], count: u32) -> Result<Runs, String> {
    let mut sum = 0u32;
    let mut runs = Runs::new();
    for (sectors, text) in texts {
        sum = sum.checked_add(*sectors).filter(|_| *sectors > 0).ok_or("a run of no sectors")?;
        runs.push((*sectors, text.parse()?));
    }
    if sum == count { Ok(runs) } else { Err(format!("values of {sum} sectors instead of {count}")) }
}

/// What of `runs`, which begin at sector `from`, lies in the block that begins at `first`; by its place
/// there.
fn clipped(runs: &Runs, from: u64, first: u64, per_block: u32) -> Places {
    let end = first + u64::from(per_block);
    let mut at = from;
    let mut inside = SmallVec::new();
    for (count, value) in runs {
        let (low, high) = (at.max(first), (at + u64::from(*count)).min(end));
        if low < high {
            let place = |sector: u64| u32::try_from(sector - first).unwrap_or(per_block);
            inside.push((place(low)..place(high), *value));
        }
        at += u64::from(*count);
    }
    inside
}

/// Numbers for values; zeroes are 0.
#[derive(Default)]
struct Numbers(Table<Value, u32>);

impl Numbers {
    fn of(&mut self, value: Value) -> u32 {
        let next = u32::try_from(self.0.len()).expect("memory ends before") + 1;
        if value == Value::ZERO { 0 } else { *self.0.get_or_insert_with(value, || next) }
    }
}

fn register(parts: &[Part], is_used: bool) -> Register {
    // Cells begin and end where runs do.
    let mut borders: SmallVec<[u32; 8]> = SmallVec::new();
    for (run, _) in parts.iter().flat_map(|part| part.values.iter().chain(&part.old)) {
        for border in [run.start, run.end] {
            if let Err(at) = borders.binary_search(&border) {
                borders.insert(at, border);
            }
        }
    }
    let cells = borders.len().saturating_sub(1);
    let mut numbers = Numbers::default();
    if cells == 1 && !is_used {
        let ops = parts.iter().map(|part| {
            let mut content = |runs: &Places| Content(numbers.of(runs[0].1));
            op(part, &mut content)
        });
        return Register { ops: ops.collect(), space: Space::Plain, first: 0 };
    }
    let mut space = Cells::new(vec![if is_used { UNKNOWN } else { 0 }; cells]);
    let ops = parts.iter().map(|part| {
        let mut content = |runs: &Places| {
            let mut pattern = Pattern::new();
            for (run, value) in runs {
                let number = numbers.of(*value);
                let low = borders.partition_point(|border| *border < run.start);
                let high = borders.partition_point(|border| *border < run.end);
                let cell = |at: usize| u16::try_from(at).expect("a block has 2,048 sectors");
                pattern.extend((low..high).map(|at| (cell(at), number)));
            }
            space.content(pattern)
        };
        op(part, &mut content)
    });
    let ops = ops.collect();
    Register { ops, space: Space::Cells(Box::new(space)), first: 0 }
}

fn op(part: &Part, content: &mut dyn FnMut(&Places) -> Content) -> Op {
    let act = match part.request.kind {
        Kind::Read => Act::Read(content(&part.values)),
        Kind::Write => Act::Write(content(&part.values)),
        Kind::Swap => Act::Swap { old: content(&part.old), new: content(&part.values) },
        Kind::Miss => Act::Miss(content(&part.old)),
    };
    Op { start: part.request.start, end: part.end, act }
}

/// An operation in words: who, what, with which result.
pub fn described(line: usize, text: &str, per_block: u32) -> String {
    let Ok(one) = Operation::from_json(text) else { return format!("line {line}") };
    let values = |runs: &[(u32, String)]| {
        let texts: Vec<String> = runs
            .iter()
            .map(
                |(count, value)| {
                    if *count == one.count { value.clone() } else { format!("{value} x{count}") }
                },
            )
            .collect();
        texts.join(" ")
    };
    let block = one.first / u64::from(per_block);
    let whole = per_block == one.count && one.first.is_multiple_of(u64::from(per_block));
    let place = match (whole, per_block) {
        (true, 2..) => format!("b{block}"),
        _ => format!("sectors {}+{}", one.first, one.count),
    };
    let what = match one.kind.as_str() {
        "read" => format!("read {place}: {}", values(&one.values)),
        "caw" => {
            format!("caw {place} {} -> {}: {}", values(&one.old), values(&one.values), one.result)
        }
        kind => format!("{kind} {place} {}: {}", values(&one.values), one.result),
    };
    let until = one.end.map_or_else(|| "..".to_owned(), |end| format!("..{end}"));
    format!("line {line}  op{} amf{}  {}{until} ns  {what}", one.op.0, one.amf.0, one.start)
}
