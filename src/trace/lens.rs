//! The durability lens: who has which version of one block, and what would be left of it if everything
//! lost power now, or if one AMF failed.
//!
//! Both engines gather [`Facts`] (what their machines, journals and disks hold); [`Facts::lens`] applies the
//! rules of sections 4, 6 and 8 of the protocol to them, so that both say the same. Values are in words.

use crate::protocol::amf::{Amf, Damaged};
use crate::protocol::group::{Group, GroupView, Place, Role, SlotState};
use crate::protocol::id::{AmfId, AmfSet, Block, DiskId, Epoch, Incarnation, Version};
use crate::protocol::nvram::Nvram;
use crate::protocol::parity::{Cell, Row};
use crate::protocol::region::{Gone, Mark};
use crate::protocol::{Config, Data, LineState, Record};
use serde::{Deserialize, Serialize};

/// What one AMF has of the block.
#[derive(Clone, Debug)]
pub struct AmfFacts {
    id: AmfId,
    is_up: bool,
    incarnation: Incarnation,
    line: Option<(LineState, Version, Data, AmfSet)>,
    kept: Vec<(AmfId, Incarnation, Version, Data)>,
    journal: Option<(Version, Data)>,
    journal_is_whole: bool,
}

impl AmfFacts {
    /// Of a machine (`None`: it is down) and its journal.
    #[must_use]
    pub fn of(id: AmfId, machine: Option<&Amf>, journal: &Nvram, block: Block) -> Self {
        let line = machine.and_then(|amf| amf.line(block));
        let line = line.map(|line| (line.state, line.version, line.data.clone(), line.missing));
        let journal_is_whole =
            !journal.damaged().any(|damaged| !matches!(damaged, Damaged::Intent(_)));
        Self {
            id,
            is_up: machine.is_some(),
            incarnation: machine.map(Amf::incarnation).unwrap_or_default(),
            line,
            kept: machine.map(|amf| amf.kept_of(block)).unwrap_or_default(),
            journal: journal.entry(block).cloned(),
            journal_is_whole,
        }
    }
}

/// What one disk has of it: the block, a copy of it, or the parity of its row.
#[derive(Clone, Debug)]
pub struct DiskFacts {
    /// Which disk.
    pub disk: DiskId,
    /// It answers with errors.
    pub failed: bool,
    /// The check sum fits.
    pub good: bool,
    /// What is there; the outer `None`: nobody has looked.
    pub record: Option<Option<Record>>,
}

impl DiskFacts {
    /// In a word, in a slot of this state.
    fn standing(&self, state: SlotState) -> &'static str {
        match (state, self) {
            (SlotState::Failed, _) | (_, Self { failed: true, .. }) => "failed",
            (_, Self { record: None, .. }) => "not looked at",
            (_, Self { good: false, .. }) => "damaged",
            (SlotState::Rebuilding, _) => "rebuilding",
            (SlotState::Online, _) => "online",
        }
    }
}

/// Everything that is known of a block.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Which block.
    pub block: Block,
    /// The cluster's.
    pub config: &'a Config,
    /// The disks' states in the newest view.
    pub group: &'a GroupView,
    /// Every AMF, by id.
    pub amfs: Vec<AmfFacts>,
    /// The disks of [`places_of`], in that order.
    pub disks: Vec<DiskFacts>,
    /// The disks of [`rest_of`], in that order.
    pub rest: Vec<DiskFacts>,
    /// Who would be gone after a power failure (`Witness::gone_at_power_failure`).
    pub gone: Vec<Gone>,
    /// The marks of its region.
    pub marks: Vec<Mark>,
}

/// Where a block lies: every place of it, then those of the parity of its row.
#[must_use]
pub fn places_of(config: &Config, block: Block) -> Vec<Place> {
    let group = Group::new(&config.group);
    let mut places = group.places(block).to_vec();
    let at = places.first().map_or(0, |place| place.at);
    let parity = (0..group.parity()).map(|p| group.slot_for(at, Role::Parity(p)));
    places.extend(parity.map(|slot| Place { slot, at }));
    places
}

/// What else is in the row of a block: what it can be rebuilt from, beside the parity. Nothing without parity.
#[must_use]
pub fn rest_of(config: &Config, block: Block) -> Vec<Place> {
    let group = Group::new(&config.group);
    let Some(own) = group.places(block).first().copied().filter(|_| group.has_parity()) else {
        return Vec::new();
    };
    let others =
        group.roles().filter(|role| matches!(role, Role::Data(_)) && *role != group.role(own));
    others.map(|role| Place { slot: group.slot_for(own.at, role), at: own.at }).collect()
}

/// A copy in a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedCopy {
    /// Whose cache.
    pub amf: AmfId,
    /// The line's state.
    pub state: LineState,
    /// Its version.
    pub version: Version,
    /// Its content, in words.
    pub value: String,
    /// Partners that have not acknowledged it: its write is not answered yet.
    pub missing: AmfSet,
}

/// A copy that an AMF keeps for another, or for itself in its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCopy {
    /// Who keeps it.
    pub keeper: AmfId,
    /// For whom; in a journal: for itself.
    pub owner: AmfId,
    /// Its version.
    pub version: Version,
    /// Its content, in words.
    pub value: String,
}

/// What a disk has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCopy {
    /// Which disk.
    pub disk: DiskId,
    /// The block of the disk.
    pub at: u64,
    /// 0: data; 1 P, 2 Q.
    pub parity: u8,
    /// `online`, `failed`, `rebuilding`, `damaged`, `not looked at`.
    pub standing: String,
    /// The version in the header; of parity: that of this block in what it covers.
    pub version: Option<Version>,
    /// Its content, in words; empty for parity.
    pub value: String,
}

/// What would be left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Survivor {
    /// This version.
    Version {
        /// Which.
        version: Version,
        /// Its content in words.
        value: String,
        /// Where from: `amf1's journal`, `disk0`.
        from: String,
    },
    /// A media error until it is written again, or the loss accepted: what is left may be old data.
    InDoubt {
        /// The version that the disks have.
        version: Version,
    },
    /// Nothing can be read: too many disks are gone.
    Nothing,
    /// That is not known.
    Unknown,
}

/// One block, as the durability lens shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lens {
    /// The block.
    pub block: Block,
    /// Who caches it.
    pub cached: Vec<CachedCopy>,
    /// Who keeps it for whom.
    pub replicas: Vec<KeptCopy>,
    /// Which journals have it, durably.
    pub journals: Vec<KeptCopy>,
    /// What the disks have.
    pub disks: Vec<DiskCopy>,
    /// What a power failure of everything would leave, if disks have what they were given and journals what they
    /// have reported.
    pub power: Survivor,
    /// What it may leave instead, as disks or journals are writing; in between: what was written between. Empty:
    /// nothing else, or that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<Survivor>,
    /// The newest version anywhere, and whether its write was acknowledged to the host as far as is known.
    pub newest: (Version, bool),
    /// For each AMF with something to complete: who would, if it failed now. Nobody: an empty set.
    pub failures: Vec<(AmfId, Version, AmfSet)>,
}

/// How good what is said is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing is lost.
    Good,
    /// What nobody was told is safe is lost.
    Fair,
    /// What was acknowledged is lost.
    Bad,
}

impl Lens {
    /// What a power failure of everything would leave, in words.
    #[must_use]
    pub fn power_said(&self) -> (Tone, String) {
        let (mut tone, mut text) = self.said(&self.power);
        for or in &self.or {
            let (other, or) = self.said(or);
            tone = tone.max(other);
            text.push_str("; or, as it is being written: ");
            text.push_str(&or);
        }
        (tone, text)
    }

    fn said(&self, left: &Survivor) -> (Tone, String) {
        let (newest, is_acknowledged) = self.newest;
        match left {
            Survivor::Version { version, value, from } => {
                let left = format!("{version} {value} survives, from {from}");
                if *version >= newest {
                    (Tone::Good, left)
                } else if is_acknowledged {
                    (Tone::Bad, format!("{left}; {newest}, which was acknowledged, is lost"))
                } else {
                    (Tone::Fair, format!("{left}; {newest}, not acknowledged yet, is lost"))
                }
            }
            Survivor::InDoubt { version } => {
                let text = format!("in doubt: {version} may be old, so reads are media errors");
                (if is_acknowledged { Tone::Bad } else { Tone::Fair }, text)
            }
            Survivor::Nothing => (Tone::Bad, "nothing: too many disks are gone".to_owned()),
            Survivor::Unknown => (Tone::Fair, "the disks were not looked at yet".to_owned()),
        }
    }

    /// Who would complete what, if an AMF failed, in words.
    #[must_use]
    pub fn failures_said(&self) -> Vec<(AmfId, Tone, String)> {
        let said = |(amf, version, keepers): &(AmfId, Version, AmfSet)| {
            let missing = self.cached.iter().find(|copy| copy.amf == *amf);
            let is_acknowledged = missing.is_none_or(|copy| copy.missing.is_empty());
            let (tone, text) = match (keepers.is_empty(), is_acknowledged) {
                (false, _) => (Tone::Good, format!("{keepers} completes {version}")),
                (true, false) => {
                    (Tone::Fair, format!("nobody has {version}: not acknowledged yet"))
                }
                (true, true) => {
                    (Tone::Bad, format!("nobody has {version}: in doubt until it is back"))
                }
            };
            (*amf, tone, text)
        };
        self.failures.iter().map(said).collect()
    }
}

impl Facts<'_> {
    /// What that comes to.
    #[must_use]
    pub fn lens(&self) -> Lens {
        let cached = self.amfs.iter().filter_map(|amf| {
            let (state, version, data, missing) = amf.line.as_ref()?;
            let value = data.to_string();
            Some(CachedCopy {
                amf: amf.id,
                state: *state,
                version: *version,
                value,
                missing: *missing,
            })
        });
        let replicas = self.amfs.iter().flat_map(|amf| {
            amf.kept.iter().map(|(owner, _, version, data)| KeptCopy {
                keeper: amf.id,
                owner: *owner,
                version: *version,
                value: data.to_string(),
            })
        });
        let journals = self.amfs.iter().filter_map(|amf| {
            let (version, data) = amf.journal.as_ref()?;
            let value = data.to_string();
            Some(KeptCopy { keeper: amf.id, owner: amf.id, version: *version, value })
        });
        let (cached, disks) = (cached.collect::<Vec<_>>(), self.disk_copies());
        let newest = cached.iter().max_by_key(|copy| copy.version);
        let on_disk = disks.iter().filter(|disk| disk.parity == 0);
        let on_disk = on_disk.filter_map(|disk| disk.version).max().unwrap_or_default();
        let newest = match newest {
            Some(copy) if copy.version >= on_disk => (copy.version, copy.missing.is_empty()),
            Some(_) | None => (on_disk, true),
        };
        Lens {
            block: self.block,
            replicas: replicas.collect(),
            journals: journals.collect(),
            power: self.after_power_failure(),
            or: Vec::new(),
            failures: self.failures(),
            cached,
            disks,
            newest,
        }
    }

    /// The index of this block in the row that a parity block covers.
    fn column(&self) -> usize {
        let group = Group::new(&self.config.group);
        let place = group.places(self.block).first().copied();
        match place.map(|place| group.role(place)) {
            Some(Role::Data(index)) => usize::from(index),
            Some(Role::Parity(_)) | None => 0,
        }
    }

    /// Each disk with its place, its slot's state, and how much parity comes before it.
    fn placed(&self) -> impl Iterator<Item = (&DiskFacts, Place, SlotState, u8)> {
        let copies = Group::new(&self.config.group).places(self.block).len();
        let places = places_of(self.config, self.block);
        self.disks.iter().zip(places).enumerate().map(move |(at, (disk, place))| {
            let state = self.state_of(place);
            let parity = u8::try_from((at + 1).saturating_sub(copies)).unwrap_or(u8::MAX);
            (disk, place, state, parity)
        })
    }

    fn state_of(&self, place: Place) -> SlotState {
        let slot = self.group.slots.get(usize::from(place.slot));
        slot.map_or(SlotState::Failed, |slot| slot.state)
    }

    fn version_in(&self, record: Option<&Record>, parity: u8) -> Version {
        match (record, parity) {
            (None, _) => Version::ZERO,
            (Some(record), 0) => record.version,
            (Some(record), _) => {
                let covers = record.covers.as_ref();
                covers.and_then(|covers| covers.get(self.column())).copied().unwrap_or_default()
            }
        }
    }

    fn disk_copies(&self) -> Vec<DiskCopy> {
        let copy = |(disk, place, state, parity): (&DiskFacts, Place, SlotState, u8)| {
            let record = disk.record.as_ref();
            let version = record.map(|record| self.version_in(record.as_ref(), parity));
            let value = match record {
                Some(Some(record)) if parity == 0 => record.data.to_string(),
                Some(None) if parity == 0 => "0x00".to_owned(),
                Some(_) | None => String::new(),
            };
            DiskCopy {
                disk: disk.disk,
                at: place.at,
                parity,
                standing: disk.standing(state).to_owned(),
                version,
                value,
            }
        };
        self.placed().map(copy).collect()
    }

    /// What the disks alone would give: version, value, where from; `Err(true)`: that is not known.
    fn read_from_disks(&self) -> Result<(Version, String, String), bool> {
        let copies = self.disk_copies();
        let readable = || copies.iter().filter(|copy| copy.standing == "online");
        let data = readable().filter(|copy| copy.parity == 0);
        if let Some(best) = data.max_by_key(|copy| (copy.version, copy.disk)) {
            let version = best.version.unwrap_or_default();
            return Ok((version, best.value.clone(), best.disk.to_string()));
        }
        let group = Group::new(&self.config.group);
        let mut row = Row::unknown(group.width(), group.parity());
        let rest = rest_of(self.config, self.block).into_iter();
        let rest =
            self.rest.iter().zip(rest).map(|(disk, place)| (disk, place, self.state_of(place)));
        let own = self.placed().map(|(disk, place, state, _)| (disk, place, state));
        for (disk, place, state) in own.chain(rest) {
            match (disk.standing(state), &disk.record) {
                ("not looked at", _) => return Err(true),
                ("online", Some(record)) if group.has_parity() => {
                    row.set(group.role(place), self.cell(record.as_ref()));
                }
                _ => {}
            }
        }
        let all = row.solve(self.config.block_size, false).filter(|_| group.has_parity());
        let rebuilt = all.and_then(|all| all.get(self.column()).cloned());
        rebuilt
            .map(|(version, data)| (version, data.to_string(), "the rest of its row".to_owned()))
            .ok_or(false)
    }

    /// What a place of the row holds; zeroes where nothing was written.
    fn cell(&self, record: Option<&Record>) -> Cell {
        record.map_or_else(
            || Cell {
                version: Version::ZERO,
                data: Data::zero(self.config.block_size),
                covers: None,
            },
            |record| Cell {
                version: record.version,
                data: record.data.clone(),
                covers: record.covers.clone(),
            },
        )
    }

    /// The lowest version on a disk that counts \[M1\].
    fn header(&self) -> Version {
        let is_there = |copy: &DiskCopy| matches!(&*copy.standing, "online" | "rebuilding");
        let counts = |copy: &&DiskCopy| copy.parity == 0 && is_there(copy);
        let copies = self.disk_copies();
        copies.iter().filter(counts).filter_map(|copy| copy.version).min().unwrap_or_default()
    }

    /// In doubt before this epoch, once power is back.
    fn doubt_before(&self) -> Option<Epoch> {
        let is_lost = |gone: &&Gone| {
            let owner = self.amfs.iter().find(|amf| amf.id == gone.owner);
            // Who is down stays down, and its journal with it.
            gone.lost || owner.is_none_or(|amf| !amf.is_up || !amf.journal_is_whole)
        };
        let lost = self.gone.iter().filter(is_lost);
        let left = lost.filter(|gone| self.marks.iter().any(|mark| gone.made(mark)));
        left.map(|gone| gone.left).max()
    }

    /// Memory is gone; journals of those that were up come back, and what they have is adopted unless
    /// the disks have it \[J1, H5, M1\]; what then comes from the disks may be in doubt \[D2, D3\].
    fn after_power_failure(&self) -> Survivor {
        let journals = self.amfs.iter().filter(|amf| amf.is_up && self.config.journal);
        let entries = journals.filter_map(|amf| Some((amf.journal.as_ref()?, amf.id)));
        let newest = entries.max_by_key(|((version, _), _)| *version);
        let disks = self.read_from_disks();
        let doubt = self.doubt_before();
        let is_sure = |version: Version| doubt.is_none_or(|before| version.epoch >= before);
        if let Some(((version, data), amf)) = newest
            && (*version > self.header() || disks.is_err())
        {
            if !is_sure(*version) {
                return Survivor::InDoubt { version: *version };
            }
            let (version, value) = (*version, data.to_string());
            return Survivor::Version { version, value, from: format!("{amf}'s journal") };
        }
        match disks {
            Ok((version, ..)) if !is_sure(version) => Survivor::InDoubt { version },
            Ok((version, value, from)) => Survivor::Version { version, value, from },
            Err(true) => Survivor::Unknown,
            Err(false) => Survivor::Nothing,
        }
    }

    /// Whose dirty data, or unfinished work, would be completed by whom.
    fn failures(&self) -> Vec<(AmfId, Version, AmfSet)> {
        let dirty = self.amfs.iter().filter(|amf| amf.is_up).filter_map(|amf| {
            let (state, version, ..) = amf.line.as_ref()?;
            (state.is_dirty() && *version > self.header()).then_some((amf, *version))
        });
        let who = |(amf, version): (&AmfFacts, Version)| {
            let keeps = |other: &&AmfFacts| {
                other.kept.iter().any(|(owner, incarnation, kept, _)| {
                    *owner == amf.id && *incarnation == amf.incarnation && *kept >= version
                })
            };
            let keepers = self.amfs.iter().filter(|other| other.id != amf.id).filter(keeps);
            (amf.id, version, keepers.map(|keeper| keeper.id).collect())
        };
        dirty.map(who).collect()
    }
}
