//! What differs in the whole state of a cluster between two positions: views, faults, caches, locks,
//! replicas, journals, disks, requests, and what is on its way.

use crate::protocol::Data;
use crate::protocol::amf::{Amf, KeyView};
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, Block, DiskId, NodeId, OpId, Version};
use crate::trace::change::{Change, Differences};
use crate::trace::picture::lock_info;
use crate::trace::snapshot::LockInfo;
use crate::trace::{Ask, narrate};
use crate::world::{InFlight, World};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Changes that are listed; more are counted.
pub const CHANGES_MAX: usize = 10_000;

/// What differs between two worlds of one run, and after how many steps each is so.
#[must_use]
pub fn differences(before: &World, after: &World) -> Differences {
    let positions = [before.step_count(), after.step_count()];
    let mut found = Found { all: Differences { positions, ..Differences::default() } };
    found.cluster([before, after]);
    for amf in (0..before.config().amfs).map(AmfId) {
        found.amf([before, after], amf);
    }
    found.witness([before, after]);
    for disk in (0..before.config().disks_all()).map(DiskId) {
        found.disk([before, after], disk);
    }
    found.all
}

/// What was found so far.
struct Found {
    all: Differences,
}

impl Found {
    fn put(
        &mut self,
        machine: Option<NodeId>,
        what: String,
        before: Option<String>,
        after: Option<String>,
    ) {
        if self.all.changes.len() == CHANGES_MAX {
            self.all.more += 1;
            return;
        }
        self.all.changes.push(Change { machine, what, before, after });
    }

    /// One thing that is always there.
    fn one<V: PartialEq>(
        &mut self,
        machine: Option<NodeId>,
        what: &str,
        [before, after]: [V; 2],
        told: impl Fn(&V) -> String,
    ) {
        if before != after {
            self.put(machine, what.to_owned(), Some(told(&before)), Some(told(&after)));
        }
    }

    /// Things of one kind, by what names them.
    fn each<K: Ord, V: PartialEq>(
        &mut self,
        machine: Option<NodeId>,
        [before, mut after]: [BTreeMap<K, V>; 2],
        name: impl Fn(&K) -> String,
        told: impl Fn(&V) -> String,
    ) {
        let mut merged: BTreeMap<K, [Option<V>; 2]> = BTreeMap::new();
        for (key, value) in before {
            match after.remove(&key) {
                Some(same) if same == value => {}
                other => drop(merged.insert(key, [Some(value), other])),
            }
        }
        merged.extend(after.into_iter().map(|(key, value)| (key, [None, Some(value)])));
        for (key, [before, after]) in merged {
            self.put(machine, name(&key), before.as_ref().map(&told), after.as_ref().map(&told));
        }
    }

    fn cluster(&mut self, worlds: [&World; 2]) {
        self.one(None, "violations", worlds.map(World::violations_total), u64::to_string);
        self.one(None, "rule broken on purpose", worlds.map(World::defect), |defect| {
            defect.map_or_else(|| "none".to_owned(), |defect| defect.name().to_owned())
        });
        let faults = |world: &World| -> BTreeMap<String, &str> {
            world.faults().iter().map(|fault| (fault.info.what.clone(), "in force")).collect()
        };
        let named = |fault: &String| format!("fault {fault}");
        self.each(None, worlds.map(faults), named, |told| (*told).to_owned());
        let asked = |world: &World| world.requests().into_iter().collect::<BTreeMap<_, _>>();
        let named = |op: &OpId| format!("request op{}", op.0);
        self.each(None, worlds.map(asked), named, |amf: &AmfId| format!("waits at {amf}"));
    }

    fn amf(&mut self, worlds: [&World; 2], id: AmfId) {
        let machine = Some(NodeId::Amf(id));
        let infos = worlds.map(|world| {
            world.amf_infos(world.now(), &Ask::BRIEF).into_iter().nth(usize::from(id.0))
        });
        let standing =
            infos.map(|info| info.map(|info| (info.status, info.epoch, info.incarnation)));
        self.one(machine, "standing", standing, |standing| {
            standing.map_or_else(String::new, |(status, epoch, incarnation)| {
                format!("{}, {epoch}, incarnation {}", status.name(), incarnation.0)
            })
        });
        let amfs = worlds.map(|world| world.amf(id));
        let lines = amfs.map(|amf| {
            let lines = amf.into_iter().flat_map(Amf::lines);
            let told = lines.map(|line| {
                let is_destaging = amf.is_some_and(|amf| amf.is_destaging(line.block));
                let (state, version, data) = (line.state, line.version, line.data.clone());
                (line.block, (state, version, data, line.missing, is_destaging))
            });
            told.collect::<BTreeMap<_, _>>()
        });
        self.each(
            machine,
            lines,
            |block| format!("line b{}", block.0),
            |(state, version, data, missing, is_destaging)| {
                let mut text = format!("{state} {version} {data}");
                if !missing.is_empty() {
                    let _ = write!(text, ", not replicated to {missing}");
                }
                text.push_str(if *is_destaging { ", being destaged" } else { "" });
                text
            },
        );
        let replicas = amfs.map(|amf| {
            let kept = amf.map(Amf::replicas).unwrap_or_default().into_iter();
            kept.map(|(owner, _, block, version)| ((block, owner), version))
                .collect::<BTreeMap<_, _>>()
        });
        let named = |(block, owner): &(Block, AmfId)| format!("replica b{} for {owner}", block.0);
        self.each(machine, replicas, named, ToString::to_string);
        self.locks(worlds, id);
        let journals: [BTreeMap<_, _>; 2] = worlds.map(|world| {
            let entries = world.journal(id).load().entries.into_iter();
            entries.map(|entry| (entry.block, (entry.version, entry.data))).collect()
        });
        let named = |block: &Block| format!("journal b{}", block.0);
        let told = |(version, data): &(Version, Data)| format!("{version} {data}");
        self.each(machine, journals, named, told);
        self.sent(worlds, NodeId::Amf(id));
    }

    fn locks(&mut self, worlds: [&World; 2], id: AmfId) {
        let locks = worlds.map(|world| {
            let keys = world.amf(id).map(Amf::keys).unwrap_or_default().into_iter();
            // When it began, and for whom, is no state of the lock.
            let told =
                keys.map(|view: KeyView| (view.key, lock_told(&lock_info(id, view, world.now()))));
            told.collect::<BTreeMap<_, _>>()
        });
        self.each(Some(NodeId::Amf(id)), locks, |key| format!("lock {key}"), String::clone);
    }

    fn witness(&mut self, worlds: [&World; 2]) {
        let machine = Some(NodeId::Witness);
        let doing = worlds.map(|world| {
            let info = world.witness_info();
            if info.up { info.doing } else { "down".to_owned() }
        });
        self.one(machine, "doing", doing, String::clone);
        let views = worlds.map(|world| world.witness().view());
        self.one(
            machine,
            "view",
            views.map(|view| (view.epoch, view.set(), view.protocol)),
            |view| format!("{} {{{}}} under {}", view.0, view.1, view.2),
        );
        let slots = views.map(|view| {
            let slots = (0_usize..).zip(&view.group.slots);
            slots.map(|(at, slot)| (at, (slot.disk, slot.state))).collect::<BTreeMap<_, _>>()
        });
        self.each(
            machine,
            slots,
            |at| format!("slot {at}"),
            |(disk, state)| {
                let state = match state {
                    SlotState::Online => "online",
                    SlotState::Failed => "failed",
                    SlotState::Rebuilding => "rebuilding",
                };
                format!("{disk} {state}")
            },
        );
        self.sent(worlds, NodeId::Witness);
    }

    fn disk(&mut self, worlds: [&World; 2], id: DiskId) {
        let machine = Some(NodeId::Disk(id));
        let failed = worlds.map(|world| world.disk(id).is_failed());
        self.one(machine, "standing", failed, |failed| {
            if *failed { "answers with errors" } else { "works" }.to_owned()
        });
        self.one(machine, "operations in work", worlds.map(|world| world.disk(id).queue()), |n| {
            n.to_string()
        });
        self.one(machine, "damaged blocks", worlds.map(|world| world.damaged_on(id)), |n| {
            n.to_string()
        });
        let records = worlds.map(|world| {
            let records = world.records_on(id);
            records.map(|(at, record)| (at, (record.version, &record.data))).collect()
        });
        self.each(
            machine,
            records,
            |at: &u64| format!("its block {at}"),
            |(version, data)| format!("{version} {data}"),
        );
        self.sent(worlds, NodeId::Disk(id));
    }

    /// What a machine has sent, and has not arrived.
    fn sent(&mut self, worlds: [&World; 2], node: NodeId) {
        let packets = worlds.map(|world| {
            let net = world.in_flight();
            let all = net.in_flight().into_iter().filter(|(from, ..)| *from == node);
            let told = all.map(|(from, to, no)| {
                let packet = net.packet(from, to, no);
                ((to, no), packet.map_or_else(String::new, narrate::words))
            });
            told.collect::<BTreeMap<_, _>>()
        });
        let named = |(to, no): &(NodeId, u64)| format!("packet {no} to {to}");
        self.each(Some(node), packets, named, String::clone);
    }
}

/// A lock in words, without its age.
fn lock_told(lock: &LockInfo) -> String {
    let mut text = format!("{:?} {}", lock.phase, lock.mode).to_lowercase();
    if let Some(ticket) = lock.ticket {
        let _ = write!(text, " {ticket}");
    }
    if !lock.missing.is_empty() {
        let _ = write!(text, ", {} to grant", lock.missing);
    }
    for (who, mode, ..) in &lock.deferred {
        let _ = write!(text, ", defers {who} ({mode})");
    }
    if lock.queued > 0 {
        let _ = write!(text, ", {} queued", lock.queued);
    }
    text
}
