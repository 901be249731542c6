//! The import table: who may use whom, and what is never named, over the source text.
//!
//! The table is DESIGN section 2's; docs/ARCHITECTURE.md tells why. Comments and the `mod tests` at the
//! end of a file do not count. `crate::` has to be written out in front of every room, so that this
//! test, and whoever reads, sees each use: `use crate::{a, b}` is banned.

use std::path::{Path, PathBuf};

/// A room, the rooms it may import from, and the words that it never names.
struct Room {
    name: &'static str,
    may: &'static [&'static str],
    never: &'static [&'static str],
}

/// Time, threads, files, sockets and dice: what a deterministic core must not touch.
const OUTSIDE: [&str; 9] = [
    "std::time",
    "std::thread",
    "std::fs",
    "std::net",
    "std::env",
    "collections::HashMap",
    "collections::HashSet",
    "thread_rng",
    "rand::rng",
];
const CLOCKS: &[&str] = &["tokio", "sled::", "ratatui", "Instant::now", "SystemTime"];

const ROOMS: &[Room] = &[
    // Catches panics: every room but the core may do so.
    Room { name: "guard", may: &[], never: CLOCKS },
    Room { name: "protocol", may: &[], never: &["tokio", "sled::", "ratatui", "rand::"] },
    Room { name: "trace", may: &["protocol"], never: &["tokio", "sled::", "ratatui"] },
    Room { name: "profile", may: &["protocol", "trace"], never: &["tokio", "sled::", "ratatui"] },
    Room { name: "world", may: &["guard", "protocol", "trace", "profile"], never: CLOCKS },
    Room {
        name: "timeline",
        may: &["guard", "protocol", "trace", "profile", "world"],
        never: CLOCKS,
    },
    Room {
        name: "workload",
        may: &["protocol", "trace", "profile", "world", "timeline"],
        never: CLOCKS,
    },
    Room {
        name: "check",
        may: &["protocol", "trace", "profile", "world", "timeline", "workload"],
        never: CLOCKS,
    },
    Room { name: "explore", may: &["protocol", "trace", "profile", "world"], never: CLOCKS },
    Room {
        name: "sim",
        may: &["protocol", "trace", "profile", "world", "timeline", "workload", "check"],
        never: CLOCKS,
    },
    Room {
        name: "session",
        may: &["protocol", "trace", "profile", "world", "timeline", "workload", "check", "sim"],
        never: CLOCKS,
    },
    Room {
        name: "campaign",
        may: &[
            "guard", "protocol", "trace", "profile", "world", "timeline", "workload", "check",
            "sim", "session",
        ],
        never: CLOCKS,
    },
    Room {
        name: "lesson",
        may: &[
            "guard", "protocol", "trace", "profile", "world", "timeline", "workload", "check",
            "sim", "session", "campaign",
        ],
        never: CLOCKS,
    },
    Room {
        name: "report",
        may: &[
            "protocol", "trace", "profile", "world", "timeline", "workload", "check", "sim",
            "session", "campaign", "lesson",
        ],
        never: &["tokio", "ratatui"],
    },
    Room { name: "store", may: &["guard", "protocol"], never: &["ratatui", "tokio"] },
    Room {
        name: "live",
        may: &["guard", "protocol", "trace", "profile", "store"],
        never: &["ratatui"],
    },
    Room { name: "nbd", may: &["protocol", "trace"], never: &["sled::", "ratatui"] },
    Room {
        name: "tui",
        may: &["protocol", "trace", "profile", "explore", "timeline", "lesson", "session"],
        never: &["sled::"],
    },
];

/// These put the parts together, and may use everything.
const TOP: [&str; 3] = ["cli", "main", "lib"];

/// Breaches that are known and meant, with the reason. Room, room or word.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Where a disk's store is made, it is made as the profile's section `[store]` says.
    ("store", "profile"),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the sources are here")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// A source file: its room, its name, and its lines without comments and without its unit tests.
type Source = (String, String, Vec<(usize, String)>);

/// Every source file.
fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&src, &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).expect("inside").to_string_lossy().into_owned();
            let room = name.split(['/', '.']).next().expect("a first part").to_owned();
            let text = std::fs::read_to_string(&path).expect("a readable source");
            (room, name, code(&text))
        })
        .collect()
}

fn code(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().zip(1..).map(|(line, no)| {
        let line = line.split("//").next().expect("a first part");
        (no, line.to_owned())
    });
    lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]").collect()
}

/// The rooms that a line reaches by `crate::`.
fn reached(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|before: char| before.is_alphanumeric()))
        .map(|(at, word)| {
            let rest = &line[at + word.len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .collect()
}

fn is_excepted(room: &str, what: &str) -> bool {
    EXCEPTIONS.contains(&(room, what))
}

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let mut breaches = Vec::new();
    for (room, name, lines) in sources() {
        if TOP.contains(&room.as_str()) {
            continue;
        }
        let rules = ROOMS.iter().find(|rules| rules.name == room);
        let Some(rules) = rules else {
            breaches.push(format!("src/{name}: the room `{room}` is not in the table"));
            continue;
        };
        let outside: &[&str] = if room == "protocol" { &OUTSIDE } else { &[] };
        for (no, line) in lines {
            if line.contains("crate::{") || line.contains("crate::*") {
                breaches.push(format!("src/{name}:{no}: a grouped import hides rooms"));
            }
            for other in reached(&line) {
                let own = other == room || other.is_empty();
                if !own && !rules.may.contains(&other.as_str()) && !is_excepted(&room, &other) {
                    breaches.push(format!("src/{name}:{no}: `{room}` may not use `{other}`"));
                }
            }
            for word in rules.never.iter().chain(outside).filter(|word| line.contains(**word)) {
                if !is_excepted(&room, word) {
                    breaches.push(format!("src/{name}:{no}: `{room}` never names `{word}`"));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

/// A `super` chain that climbs out of a room would get around the table.
#[test]
fn no_file_climbs_out_of_its_room() {
    for (room, name, lines) in sources() {
        if TOP.contains(&room.as_str()) {
            continue;
        }
        // `a/mod.rs` is one module below the root, `a/b.rs` two; a chain of supers may come to the room.
        let depth = name.split('/').count() - usize::from(name.ends_with("mod.rs"));
        for (no, line) in lines {
            let climbs = line.matches("super::").count();
            let chain = (1..=climbs).rev().find(|n| line.contains(&"super::".repeat(*n)));
            assert!(
                chain.unwrap_or(0) < depth,
                "src/{name}:{no}: climbs out of `{room}`: {}",
                line.trim()
            );
        }
    }
}

#[test]
fn the_test_itself_sees_breaches() {
    assert_eq!(reached("use crate::live::Engine; fn f(x: crate::sim::Sim)"), ["live", "sim"]);
    assert_eq!(reached("use mycrate::live;"), Vec::<String>::new());
    assert_eq!(code("a // crate::live\n#[cfg(test)]\nb"), [(1, "a ".to_owned())]);
}
