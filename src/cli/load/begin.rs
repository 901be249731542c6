//! The sources of requests: which begin when, and when the figures do.

use super::{Begun, Lane, Load, Measured};
use crate::cli::tally::Tally;
use crate::profile::WorkloadSpec;
use crate::protocol::id::{Instant, Span};
use crate::trace::{Ask, Counts};
use crate::workload::chain::{chain, companions};
use crate::workload::{Feed, Generator};
use std::time::{Duration, Instant as Wall};

impl Load {
    /// Starts a generator of the profile, with those that it comes after, unless they were started
    /// already, and those that come with it.
    pub(in crate::cli) fn start_workload(&mut self, spec: &WorkloadSpec) {
        let all = &self.profile.workloads;
        let chain = chain(all, &spec.name).into_iter().flatten();
        let others: Vec<WorkloadSpec> = chain
            .chain(companions(all, &spec.name))
            .filter(|one| one.name != spec.name && !self.is_started(&one.name))
            .cloned()
            .collect();
        self.waiting.extend(others);
        self.waiting.push(spec.clone());
        self.begin_waiting();
    }

    /// True if this generator runs, has run, or waits for another to end.
    pub(in crate::cli) fn is_started(&self, name: &str) -> bool {
        let waits = self.waiting.iter().any(|waiting| waiting.name == *name);
        waits || self.lanes.iter().any(|lane| lane.name == *name)
    }

    /// Begins the generators whose predecessor is over.
    pub(super) fn begin_waiting(&mut self) {
        for spec in core::mem::take(&mut self.waiting) {
            let waits = spec.after.as_ref().is_some_and(|before| {
                let runs = self.lanes.iter().any(|lane| lane.name == *before && !lane.is_done);
                runs || self.waiting.iter().any(|waiting| waiting.name == *before)
            });
            if waits {
                self.waiting.push(spec);
            } else {
                self.begin(&spec);
            }
        }
    }

    pub(super) fn begin(&mut self, spec: &WorkloadSpec) {
        let (config, seed, now) = (&self.profile.config, self.profile.seed, self.engine.now());
        let mut generator = Generator::new(spec, config, seed, self.writers);
        if let Some(ops) = self.split.filter(|_| spec.counted && spec.ops.is_none()) {
            generator = generator.split_evenly(ops);
        }
        let driver = generator.driven(spec, config, now);
        self.start_feed(&spec.name, Box::new(driver));
        if let Some(lane) = self.lanes.last_mut() {
            lane.is_counted = spec.counted;
            lane.first_at = now + spec.start;
            if spec.warmup > Span(0) {
                lane.warm_at = lane.first_at + spec.warmup;
            }
        }
    }

    /// Starts a source of requests, whose stamps carry [`Self::next_writer`].
    pub(in crate::cli) fn start_feed(&mut self, name: &str, feed: Box<dyn Feed>) {
        self.writers += 1;
        self.lanes.push(Lane {
            name: name.to_owned(),
            feed,
            is_done: false,
            first_at: self.engine.now(),
            warm_at: self.engine.now(),
            is_counted: true,
            tally: Tally::new(),
        });
    }

    /// True if nothing of a generator that waits may be in the figures yet: it will warm up, or comes
    /// behind one that is not counted.
    fn holds_figures_up(&self, spec: &WorkloadSpec) -> bool {
        let is_under_way = |name: &str| {
            self.waiting.iter().any(|waiting| waiting.name == *name)
                || self.lanes.iter().any(|lane| lane.name == *name && !lane.is_done)
        };
        let chain = chain(&self.profile.workloads, &spec.name);
        let mut before = chain.iter().flatten();
        spec.warmup > Span(0) || before.any(|one| !one.counted && is_under_way(&one.name))
    }

    /// Begins the figures with the first request that counts, but not before every generator that counts
    /// is past its warm-up.
    pub(super) fn begin_figures(&mut self, now: Instant) {
        if self.begun.is_some() {
            return;
        }
        let mut waiting = self.waiting.iter().filter(|spec| spec.counted);
        let mut lanes = self.lanes.iter().filter(|lane| lane.is_counted);
        let is_cold = |lane: &Lane| !lane.is_done && lane.warm_at > now;
        let has_any = waiting.clone().next().is_some() || lanes.clone().next().is_some();
        let has_begun = lanes.clone().any(|lane| lane.is_done || lane.first_at <= now);
        let is_early = has_any && !has_begun;
        if is_early || waiting.any(|spec| self.holds_figures_up(spec)) || lanes.any(is_cold) {
            self.warms_up = true;
            return;
        }
        // Without a warm-up everything counts, from before the first request on.
        let counts = if self.warms_up {
            self.engine.mark_figures(true);
            self.engine.snapshot(&Ask::BRIEF).counts
        } else {
            Counts::default()
        };
        if let Some(hdr) = &mut self.hdr {
            let snapshot = self.engine.snapshot(&Ask::BRIEF);
            let (profile, protocol) = (&self.profile.name, snapshot.view.protocol.name());
            let engine = snapshot.engine;
            let about = format!("{profile}, {engine}, {protocol}, seed {}", self.profile.seed);
            hdr.begin(now, &about, engine == "live");
        }
        self.begun = Some(Begun { wall: Wall::now(), now, counts });
    }

    /// What the figures are about, once the run is over.
    pub(in crate::cli) fn measured(&mut self) -> Measured {
        let counts = self.engine.snapshot(&Ask::BRIEF).counts;
        match &self.begun {
            Some(begun) => Measured {
                counts: counts.since(&begun.counts),
                elapsed: begun.wall.elapsed(),
                cluster_ns: self.engine.now().since(begun.now).0,
                warmup_ns: if self.warms_up { begun.now.since(self.started).0 } else { 0 },
            },
            None => Measured {
                counts: Counts::default(),
                elapsed: Duration::ZERO,
                cluster_ns: 0,
                warmup_ns: self.engine.now().since(self.started).0,
            },
        }
    }

    /// When the next first request is due, or the next warm-up over.
    pub(super) fn next_warm(&self, now: Instant) -> Instant {
        let times = self.lanes.iter().flat_map(|lane| [lane.first_at, lane.warm_at]);
        let later = times.filter(|at| *at > now);
        if self.begun.is_some() { Instant::NEVER } else { later.min().unwrap_or(Instant::NEVER) }
    }
}
