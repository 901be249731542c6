//! Kinds of faults that a `[[fault]]` may name: whom each befalls, what is said then, and what ends it.
//!
//! A kind is a shorter way to write a command and its opposite; what the engine is told is always a
//! command of the script grammar.

use crate::protocol::Config;
use crate::protocol::id::AmfId;

/// Whom a kind befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// One AMF.
    Amf,
    /// One or more AMFs that end up on one side.
    Amfs,
    /// Two AMFs: the link between them.
    Link,
    /// One disk.
    Disk,
    /// Nobody in particular.
    Nobody,
}

/// A kind of fault. In its texts `{}` stands for the target, `{rest}` for all other AMFs.
pub(super) struct FaultKind {
    pub(super) name: &'static str,
    pub(super) victim: Victim,
    /// What is said when it comes.
    pub(super) strike: &'static str,
    /// What ends it; empty: it is over at once.
    pub(super) heal: &'static str,
}

const fn kind(
    name: &'static str,
    victim: Victim,
    strike: &'static str,
    heal: &'static str,
) -> FaultKind {
    FaultKind { name, victim, strike, heal }
}

/// Every kind.
pub(super) const KINDS: [FaultKind; 10] = [
    kind("crash", Victim::Amf, "crash {}", "restart {}"),
    kind("pause", Victim::Amf, "pause {}", "resume {}"),
    kind("lease", Victim::Amf, "lease expire {}", ""),
    kind("partition", Victim::Amfs, "partition {} | {rest}", "heal"),
    kind("lossy", Victim::Link, "link {} drop 20%", "link {} clear"),
    kind("slow-link", Victim::Link, "link {} delay 50ms", "link {} clear"),
    kind("fail-disk", Victim::Disk, "fail {}", "replace {}"),
    kind("slow-disk", Victim::Disk, "slow {} 50ms", "slow {} 0ms"),
    kind("witness", Victim::Nobody, "witness down", "witness up"),
    kind("power", Victim::Nobody, "power-fail", ""),
];

/// Their names, as the key `kind` takes them; the first means that `command` says what to do.
pub(super) fn names() -> Vec<&'static str> {
    core::iter::once("none").chain(KINDS.iter().map(|kind| kind.name)).collect()
}

impl FaultKind {
    /// Everybody whom it may befall, one text each.
    pub(super) fn everybody(&self, config: &Config) -> Vec<String> {
        let amfs = 0..config.amfs;
        match self.victim {
            Victim::Amf | Victim::Amfs => amfs.map(|amf| AmfId(amf).to_string()).collect(),
            Victim::Link => {
                let pairs = amfs.flat_map(|a| (a + 1..config.amfs).map(move |b| (a, b)));
                pairs.map(|(a, b)| format!("{} {}", AmfId(a), AmfId(b))).collect()
            }
            Victim::Disk => (0..config.group.disks).map(|disk| format!("disk{disk}")).collect(),
            Victim::Nobody => vec![String::new()],
        }
    }

    /// A text of the kind for one target.
    pub(super) fn say(text: &str, target: &str, config: &Config) -> String {
        let struck: Vec<&str> = target.split_whitespace().collect();
        let others = (0..config.amfs).map(|amf| AmfId(amf).to_string());
        let rest: Vec<String> = others.filter(|amf| !struck.contains(&amf.as_str())).collect();
        text.replace("{rest}", &rest.join(" ")).replace("{}", &struck.join(" "))
    }

    /// How many words a target of this kind has; `None`: one or more.
    pub(super) const fn words(&self) -> Option<usize> {
        match self.victim {
            Victim::Amf | Victim::Disk => Some(1),
            Victim::Link => Some(2),
            Victim::Nobody => Some(0),
            Victim::Amfs => None,
        }
    }

    /// What a target looks like.
    pub(super) const fn example(&self) -> &'static str {
        match self.victim {
            Victim::Amf => "`amf1`, or `amf0, amf2`, or `each`, or `any`",
            Victim::Amfs => "`amf0`, or `amf0 amf1`, or `each`, or `any`",
            Victim::Link => "`amf0 amf1`, or `each`, or `any`",
            Victim::Disk => "`disk0`, or `disk0, disk2`, or `each`, or `any`",
            Victim::Nobody => "none: leave it out",
        }
    }
}
