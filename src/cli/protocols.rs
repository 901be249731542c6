//! `protocols list|show NAME|diff ONE OTHER`: the coherency protocols, and their state x event tables.

use super::failure::FINE;
use super::lists::{list, unknown};
use super::progress::Progress;
use super::{Done, print};
use crate::explore::{self, Class, Table, print as words};
use crate::protocol::cell::impossible;
use crate::protocol::{Cell, Protocol, State, Trigger};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ProtocolsCommand {
    /// Names them, one a line
    List,
    /// Says everything about one
    Show {
        /// Its name
        name: String,
        /// Also its state x event table, found by running the core
        #[arg(long)]
        table: bool,
        /// The table as one JSON object: every cell, what it leads to, by which rules
        #[arg(long)]
        json: bool,
    },
    /// In which cells of their tables two protocols differ
    Diff {
        /// One
        one: String,
        /// The other
        other: String,
    },
}

fn named(name: &str) -> Result<Protocol, super::Failure> {
    let names = Protocol::ALL.map(Protocol::name);
    name.parse().map_err(|_| unknown("protocol", name, &names))
}

/// The protocols.
pub(super) fn protocols(command: &ProtocolsCommand) -> Done {
    match command {
        ProtocolsCommand::List => return list(&Protocol::ALL.map(Protocol::name)),
        ProtocolsCommand::Show { name, table, json } => {
            let protocol = named(name)?;
            if *json {
                print(&format!("{:#}\n", object(&explored(protocol))))?;
                return Ok(FINE);
            }
            let (summary, states) = (protocol.summary(), protocol.line_states());
            let mut text = format!("{name}\n  {summary}\n  states of a line: {states}\n");
            if *table {
                let table = explored(protocol);
                let (matrix, legend) = (words::matrix(&table), words::LEGEND);
                let extents = words::extents(&table.extents);
                text = format!(
                    "{text}\n{matrix}\n{legend}\n\nexplored, each with one block:\n{extents}"
                );
            }
            print(&text)?;
        }
        ProtocolsCommand::Diff { one, other } => {
            let (one, other) = (named(one)?, named(other)?);
            print(&words::diff(&explored(one), &explored(other)))?;
        }
    }
    Ok(FINE)
}

/// The table of a protocol, which takes some seconds; with a bar.
fn explored(protocol: Protocol) -> Table {
    let mut progress: Option<Progress> = None;
    let table = explore::explore_told(protocol, &mut |moves, most| {
        progress.get_or_insert_with(|| Progress::new(Some(most as u64))).at(moves as u64);
    });
    if let Some(mut progress) = progress {
        progress.end();
    }
    table
}

/// The whole table.
fn object(table: &Table) -> Value {
    let rows = table.rows();
    let all = |state: &State| {
        let state = *state;
        table.columns().into_iter().map(move |trigger: Trigger| Cell { state, trigger })
    };
    let cells: Vec<Value> = rows.iter().flat_map(all).map(|at| cell(table, at)).collect();
    let explored: Vec<Value> = table
        .extents
        .iter()
        .map(|extent| {
            json!({
                "model": extent.model, "states": extent.states, "steps": extent.moves,
                "whole": extent.whole,
            })
        })
        .collect();
    json!({ "protocol": table.protocol.name(), "explored": explored, "cells": cells })
}

fn cell(table: &Table, at: Cell) -> Value {
    let class = match table.class(at) {
        Class::Normal => "normal",
        Class::Fault => "fault",
        Class::Never => "never",
        Class::Impossible => "impossible",
    };
    let outcomes: Vec<Value> = table
        .outcomes(at)
        .map(|(outcome, healthy)| {
            let rules: Vec<&str> = outcome.rules.iter().map(|rule| rule.id()).collect();
            let sent: Vec<&str> = outcome.sent.iter().map(|sent| sent.word()).collect();
            json!({ "after": outcome.after, "rules": rules, "sent": sent, "fault": !healthy })
        })
        .collect();
    let mut value = json!({
        "line": at.state.line, "lock": at.state.lock, "event": at.trigger, "class": class,
        "outcomes": outcomes,
    });
    if let Some(why) = impossible(at) {
        value["why"] = json!(why);
    }
    value
}
