//! `--metrics-listen`: how a run stands, for Prometheus, over HTTP.
//!
//! Whoever drives the cluster puts a sample of its figures on a [`Board`] when a scrape wants one
//! ([`Board::is_wanted`] is one look at a flag), and never waits for anybody: a thread of its own
//! listens, waits for the sample and writes it ([`server`], [`http`]). `run` and `replay` put there what they
//! report; in the console an engine that is [`Metered`] counts what passes through it.
//!
//! Listens on loopback, unless `--metrics-public` is said, too: whoever reaches the port reads the figures.

mod address;
mod board;
mod http;
mod metered;
mod server;

use super::complain;
use super::failure::Failure;
use super::setup::time;
use super::tally::Tally;
use crate::profile::Profile;
use crate::protocol::id::Span;
use crate::report::prometheus::Sample;
use crate::trace::Counts;
use crate::trace::snapshot::Snapshot;
pub(super) use board::Board;
use clap::Args;
pub(super) use metered::Metered;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant as Wall};

/// Ctrl-c is heard after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Metrics")]
pub(super) struct MetricsArgs {
    /// Serves the figures for Prometheus at /metrics of this address, as `127.0.0.1:9464`
    /// (`docs/METRICS.md` lists them; port 0 takes any that is free)
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<String>,
    /// Lets --metrics-listen take an address that other machines can reach
    #[arg(long, requires = "metrics_listen")]
    metrics_public: bool,
}

impl MetricsArgs {
    /// Listens from now on, if that is wanted, and says where.
    pub(super) fn open(&self) -> Result<Option<Arc<Board>>, Failure> {
        let Some(text) = &self.metrics_listen else { return Ok(None) };
        let listener = address::bind(text, self.metrics_public)?;
        let at = listener.local_addr().map_err(Failure::broken)?;
        let board = Arc::new(Board::default());
        server::start(listener, &board).map_err(Failure::broken)?;
        complain("note", &format!("figures at http://{at}/metrics"));
        Ok(Some(board))
    }
}

/// The same for what ends by itself.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Metrics")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    args: MetricsArgs,
    /// Serves the last figures for so long after the end, or until ctrl-c: a short run may be over
    /// before anybody has asked
    #[arg(long, value_name = "TIME", value_parser = time, requires = "metrics_listen")]
    metrics_linger: Option<Span>,
}

impl ServeArgs {
    /// Listens from now on, if that is wanted, and says where.
    pub(super) fn open(&self) -> Result<Option<Arc<Board>>, Failure> {
        self.args.open()
    }

    /// How long the last figures are served.
    pub(super) fn linger(&self) -> Option<Span> {
        self.metrics_linger
    }
}

/// Waits so long, at most until ctrl-c.
pub(super) fn linger(time: Option<Span>, interrupted: &AtomicBool) {
    let Some(time) = time else { return };
    let until = Wall::now() + Duration::from_nanos(time.0);
    complain("note", "the figures stay where they are; ctrl-c ends");
    while !interrupted.load(Ordering::Relaxed) && Wall::now() < until {
        thread::sleep(LOOK_AGAIN);
    }
}

/// How a run stands. `counts`: those of its figures, which need not be all of the cluster's.
pub(super) fn sample(
    profile: &Profile,
    snapshot: Snapshot,
    counts: Counts,
    tally: &Tally,
    outstanding: u64,
) -> Sample {
    Sample {
        engine: snapshot.engine,
        profile: profile.name.clone(),
        protocol: snapshot.view.protocol.name(),
        seed: profile.seed,
        now_ns: snapshot.now.0,
        is_over: false,
        requests: [tally.reads, tally.writes, tally.others],
        outstanding,
        errors: tally.errors,
        retried: tally.retried,
        hits: tally.hits,
        misses: tally.misses,
        durations: tally.durations(),
        counts,
        violations: snapshot.violations_total,
        faults: snapshot.faults.len() as u64,
        amfs: snapshot.amfs,
    }
}
