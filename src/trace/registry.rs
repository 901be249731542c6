//! The list of all commands: what the parser's hints, the help overlay, the palette, completion and
//! the man page say comes from here, so that they cannot disagree.

mod complete;

pub use complete::complete;

use super::command::{Command, HostCommand};
use crate::trace::action::Action;

/// Where a command belongs on the help overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// What hosts ask.
    Host,
    /// What caches do.
    Cache,
    /// Crashes, pauses, leases, defects.
    Failures,
    /// Partitions and links.
    Network,
    /// The redundancy group.
    Disks,
    /// Holding and releasing messages, speed.
    Stepping,
    /// Waiting, labels, expectations.
    Script,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 7] = [
        Self::Host,
        Self::Cache,
        Self::Failures,
        Self::Network,
        Self::Disks,
        Self::Stepping,
        Self::Script,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Host => "Host I/O",
            Self::Cache => "Caches and protocol",
            Self::Failures => "Failures",
            Self::Network => "Network",
            Self::Disks => "Disks",
            Self::Stepping => "Stepping",
            Self::Script => "Scripts",
        }
    }
}

/// What may stand in one place of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// This word.
    Word(&'static str),
    /// `amf0`.
    Amf,
    /// `amf0` or `all`.
    Target,
    /// `3`.
    Block,
    /// `3` or `3+2`.
    Blocks,
    /// `"text"`, `0xHEX`, `@FILE`.
    Value,
    /// `disk0`.
    Disk,
    /// An AMF, a disk or `witness`.
    Node,
    /// Nodes and `|`, to the end of the line.
    Sides,
    /// A kind of message.
    Kind,
    /// `M`, `E`, `S`, `I`.
    State,
    /// `shared`, `exclusive`.
    Mode,
    /// A protocol.
    Protocol,
    /// A seeded defect.
    Defect,
    /// A rule of the protocol, as events name it.
    Rule,
    /// A generator of the profile.
    Workload,
    /// A label.
    Label,
    /// A kind of host error.
    Error,
    /// `cache`, an AMF, a disk.
    Source,
    /// A length of time.
    Time,
    /// A percentage.
    Rate,
    /// A number.
    Number,
    /// `"text"`.
    Text,
    /// Any host command, to the end of the line.
    HostCommand,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its first word.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// Commands as people would type them; each parses on a cluster with 4 AMFs and 4 disks.
    pub examples: &'static [&'static str],
    /// What comes behind the name, one list for each form; forms may end early.
    pub forms: &'static [&'static [Arg]],
}

/// The entry of a command's first word.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The entry of a command.
///
/// Exhaustive, so that a new command cannot be without one.
#[must_use]
pub fn entry(command: &Command) -> &'static Entry {
    let name = match command {
        Command::Host(host) => host_name(host),
        Command::Start(..) => "LABEL:",
        Command::Await(_) => "await",
        Command::Act(action) => action_name(action),
        Command::Workload(..) => "workload",
        Command::Replay(_) => "replay",
        Command::RunUntil(..) => "run-until",
        Command::Wait(_) => "wait",
        Command::Settle => "settle",
        Command::Audit => "audit",
        Command::Why(..) => "why",
        Command::Note(_) => "note",
        Command::Expect(_) => "expect",
    };
    find(name).expect("every name above is in the table: the test below parses all examples")
}

const fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Destage(_) => "destage",
        Action::Evict(..) => "evict",
        Action::Crash(_) => "crash",
        Action::Restart(_) => "restart",
        Action::Pause(_) => "pause",
        Action::Resume(_) => "resume",
        Action::ExpireLease(_) => "lease",
        Action::Partition(_) => "partition",
        Action::Heal => "heal",
        Action::Link(..) => "link",
        Action::FailDisk(_) => "fail",
        Action::ReplaceDisk(_) => "replace",
        Action::Corrupt(..) => "corrupt",
        Action::CorruptJournal(_) => "corrupt-journal",
        Action::Scrub => "scrub",
        Action::AcceptLoss => "accept-loss",
        Action::SlowDisk(..) => "slow",
        Action::Witness(_) => "witness",
        Action::PowerFail => "power-fail",
        Action::Defect(..) => "defect",
        Action::Protocol(_) => "protocol",
        Action::Deliver(_) => "deliver",
        Action::Lose(_) => "lose",
        Action::Repeat(_) => "repeat",
        Action::Step(_) => "step",
        Action::Tempo(_) => "tempo",
        Action::Record(_) => "record",
        Action::Seek(_) => "seek",
        Action::Hold(_) | Action::Unhold(_) => "hold",
    }
}

const fn host_name(host: &HostCommand) -> &'static str {
    match host {
        HostCommand::Write(..) | HostCommand::WriteSectors(..) => "write",
        HostCommand::WriteFua(..) => "write-fua",
        HostCommand::Read(..) => "read",
        HostCommand::CompareAndWrite(..) => "caw",
        HostCommand::Trim(..) => "trim",
        HostCommand::Zero(..) => "zero",
        HostCommand::Flush(_) => "flush",
    }
}

macro_rules! table {
    ($($group:ident, $name:literal, $usage:literal, $help:literal,
        [$($example:literal),*], [$([$($arg:expr),*]),*];)*) => {
        /// Every command, by group.
        pub const ENTRIES: &[Entry] = &[$(Entry {
            name: $name,
            usage: $usage,
            help: $help,
            group: Group::$group,
            examples: &[$($example),*],
            forms: &[$(&[$($arg),*]),*],
        },)*];
    };
}

use Arg::{
    Amf, Block, Blocks, Defect, Disk, Error, Kind, Label, Mode, Node, Number, Protocol, Rate, Rule,
    Sides, Source, State, Target, Text, Time, Value, Word, Workload,
};

table! {
    Host, "write", "write AMF BLOCK[/SECTOR[+N]] \"text\"|0xHEX|@FILE",
        "a host writes a block, or some of its sectors, through an AMF",
        ["write amf0 3 \"alpha\"", "write amf1 7 0x00ff", "write amf0 3/2+4 \"beta\""],
        [[Amf, Block, Value]];
    Host, "write-fua", "write-fua AMF BLOCK \"text\"|0xHEX|@FILE",
        "a host writes a block, and is answered when the group has stored just that",
        ["write-fua amf0 3 \"alpha\""], [[Amf, Block, Value]];
    Host, "read", "read AMF BLOCK[+N]", "a host reads one or more blocks through an AMF",
        ["read amf1 3", "read amf1 3+2"], [[Amf, Blocks]];
    Host, "caw", "caw AMF BLOCK OLD NEW", "compare-and-write: writes NEW if the block holds OLD",
        ["caw amf2 3 \"alpha\" \"beta\""], [[Amf, Block, Value, Value]];
    Host, "trim", "trim AMF BLOCK[+N]", "a host gives blocks up: they read as zeroes",
        ["trim amf0 3"], [[Amf, Blocks]];
    Host, "zero", "zero AMF BLOCK[+N]", "a host writes zeroes",
        ["zero amf0 3+2"], [[Amf, Blocks]];
    Host, "flush", "flush AMF", "answers when all that the AMF has acknowledged is durable",
        ["flush amf0"], [[Amf]];
    Host, "workload", "workload start|stop NAME", "starts or stops a generator of the profile, or a built-in one",
        ["workload start gentle"], [[Word("start"), Workload], [Word("stop"), Workload]];
    Host, "replay", "replay \"TRACE [OPTIONS]\" | pause | resume | stop",
        "replays a trace beside the rest; options as of `amflab replay`",
        ["replay \"'my trace.csv' --limit 100\"", "replay pause"],
        [[Text], [Word("pause")], [Word("resume")], [Word("stop")]];
    Cache, "destage", "destage AMF|all", "writes dirty lines to the redundancy group",
        ["destage amf0", "destage all"], [[Target]];
    Cache, "evict", "evict AMF [BLOCK]", "drops a line, or the least recently used one",
        ["evict amf0", "evict amf0 3"], [[Amf, Block]];
    Cache, "protocol", "protocol NAME", "settles, destages, drops all lines, and goes on under it",
        ["protocol sharing"], [[Protocol]];
    Cache, "why", "why AMF BLOCK", "says who waits for whom: why is this block busy?",
        ["why amf0 3"], [[Amf, Block]];
    Failures, "crash", "crash AMF", "stops an AMF; its memory is gone",
        ["crash amf0"], [[Amf]];
    Failures, "restart", "restart AMF", "starts a crashed AMF; it joins with nothing in memory",
        ["restart amf0"], [[Amf]];
    Failures, "pause", "pause AMF", "an AMF handles nothing until resumed; its lease runs out",
        ["pause amf0"], [[Amf]];
    Failures, "resume", "resume AMF", "a paused AMF goes on",
        ["resume amf0"], [[Amf]];
    Failures, "lease", "lease expire AMF", "an AMF's lease runs out now",
        ["lease expire amf0"], [[Word("expire"), Amf]];
    Failures, "witness", "witness down|up", "without the witness no view changes",
        ["witness down", "witness up"], [[Word("down")], [Word("up")]];
    Failures, "power-fail", "power-fail", "power is gone everywhere, and back: what is stored is left",
        ["power-fail"], [[]];
    Failures, "defect", "defect NAME on|off", "breaks a rule of the protocol on purpose",
        ["defect skip_one_invalidate on"], [[Defect, Word("on")], [Defect, Word("off")]];
    Network, "partition", "partition A.. | B..", "loses everything between the sides",
        ["partition amf0 amf1 | amf2 witness", "partition amf0..amf2 | amf3"], [[Sides]];
    Network, "heal", "heal", "ends partitions and what `link` has set",
        ["heal"], [[]];
    Network, "link", "link A B drop 20%|delay 50ms|duplicate 5%|reorder|clear",
        "makes a link lossy, slow or disorderly",
        ["link amf0 amf1 drop 20%", "link amf0 witness delay 50ms", "link amf0 amf1 clear"],
        [[Node, Node, Word("drop"), Rate], [Node, Node, Word("delay"), Time],
         [Node, Node, Word("duplicate"), Rate], [Node, Node, Word("reorder")],
         [Node, Node, Word("clear")]];
    Disks, "fail", "fail DISK", "a disk answers everything with an error",
        ["fail disk1"], [[Disk]];
    Disks, "replace", "replace DISK", "a blank disk takes its place and is refilled",
        ["replace disk1"], [[Disk]];
    Disks, "corrupt", "corrupt DISK BLOCK", "damages a block, or its parity: its check sum is wrong",
        ["corrupt disk1 3"], [[Disk, Block]];
    Disks, "corrupt-journal", "corrupt-journal AMF", "damages what a journal holds; its AMF's next start finds out",
        ["corrupt-journal amf0"], [[Amf]];
    Disks, "scrub", "scrub", "compares copies, and data with parity, and mends what does not fit",
        ["scrub"], [[]];
    Disks, "accept-loss", "accept-loss", "gives out again what is left of the regions in doubt",
        ["accept-loss"], [[]];
    Disks, "slow", "slow DISK TIME", "each operation takes so much longer; 0ms ends it",
        ["slow disk1 50ms"], [[Disk, Time]];
    Stepping, "hold", "hold on|off [KIND] [FROM TO]", "holds messages; without more: step mode",
        ["hold on", "hold on grant amf1 amf0", "hold off"],
        [[Word("on"), Kind, Node, Node], [Word("off"), Kind, Node, Node],
         [Word("on"), Node, Node], [Word("off"), Node, Node]];
    Stepping, "deliver", "deliver [N | FROM TO [N] | id N]", "lets the oldest held messages arrive",
        ["deliver", "deliver 3", "deliver amf0 amf1"],
        [[Number], [Node, Node, Number], [Word("id"), Number]];
    Stepping, "lose", "lose FROM TO [N]", "loses the oldest held message between two nodes",
        ["lose amf0 amf1"], [[Node, Node, Number], [Word("id"), Number]];
    Stepping, "repeat", "repeat FROM TO [N]", "lets a held message arrive, and keeps it",
        ["repeat amf0 amf1"], [[Node, Node, Number], [Word("id"), Number]];
    Stepping, "step", "step [N]", "in step mode: lets so many steps happen",
        ["step", "step 5"], [[Number]];
    Stepping, "tempo", "tempo 1|0.1|0.01", "slows clock and links, so that the eye can follow",
        ["tempo 0.1"], [[Word("1")], [Word("0.1")], [Word("0.01")]];
    Stepping, "record", "record FILE|off", "records the run, from its first step on, into a new file",
        ["record \"my run.amfrec\"", "record off"], [[Text], [Word("off")]];
    Stepping, "seek", "seek N|+N|-N|start|end", "in a recording: goes to another position",
        ["seek 1200", "seek -100", "seek end"], [[Number], [Word("start")], [Word("end")]];
    Script, "LABEL:", "LABEL: COMMAND", "starts a host command and goes on",
        ["a: write amf0 3 \"alpha\""], [[Arg::HostCommand]];
    Script, "await", "await LABEL", "waits for the answer to a labelled command",
        ["await a"], [[Label]];
    Script, "run-until", "run-until [not] CONDITION [and ..] [within TIME]",
        "goes on until a condition holds, at most 10 s",
        ["run-until state amf1 3 S", "run-until sent grant amf1 amf0 within 2s",
         "run-until applied defer-held amf0", "run-until written disk0 3",
         "run-until answered a within 5ms", "run-until idle",
         "run-until replayed within 5m", "run-until violation",
         "run-until state amf0 3 M and not state amf1 3 I within 2s"],
        [[Word("state"), Amf, Block, State, Word("within"), Time],
         [Word("lock"), Amf, Block, Mode, Word("within"), Time],
         [Word("sent"), Kind, Amf, Amf, Word("within"), Time],
         [Word("delivered"), Kind, Amf, Amf, Word("within"), Time],
         [Word("sent"), Kind, Word("within"), Time],
         [Word("delivered"), Kind, Word("within"), Time],
         [Word("applied"), Rule, Amf, Word("within"), Time],
         [Word("written"), Disk, Block, Word("within"), Time],
         [Word("replicated"), Amf, Block, Word("within"), Time],
         [Word("view"), Number, Word("within"), Time],
         [Word("answered"), Label, Word("within"), Time],
         [Word("idle"), Word("within"), Time],
         [Word("violation"), Word("within"), Time],
         [Word("replayed"), Word("within"), Time]];
    Script, "wait", "wait TIME", "lets time pass",
        ["wait 200ms"], [[Time]];
    Script, "settle", "settle", "waits until nothing is outstanding",
        ["settle"], [[]];
    Script, "audit", "audit",
        "settles, then judges all answers, the disks, and that nothing acknowledged is lost",
        ["audit"], [[]];
    Script, "note", "note \"text\"", "a remark in the log",
        ["note \"now amf1 asks\""], [[Text]];
    Script, "expect",
        "expect state|value|source|messages|broadcasts|lock|result|error|violations ...",
        "fails the script if it is not so",
        ["expect state amf0 3 M", "expect value amf1 3 \"alpha\"", "expect source amf0",
         "expect messages grant 1", "expect broadcasts 1", "expect lock amf0 3 exclusive",
         "expect result a ok", "expect error miscompare", "expect violations 0"],
        [[Word("state"), Amf, Block, State], [Word("value"), Amf, Block, Value],
         [Word("source"), Source], [Word("messages"), Kind, Number],
         [Word("broadcasts"), Number], [Word("lock"), Amf, Block, Mode],
         [Word("result"), Label, Word("ok")], [Word("result"), Label, Word("pending")],
         [Word("result"), Label, Error], [Word("error"), Error], [Word("violations"), Number]];
}
