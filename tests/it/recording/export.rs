//! Exports: what other people's tools would choke on is looked for here.

use super::{read, recording};
use amflab::check::linear::register::BUDGET;
use amflab::check::linear::{Verdict, jepsen};
use amflab::protocol::Config;
use amflab::report::Export;
use amflab::report::chrome::Chrome;
use amflab::report::edn::Edn;
use amflab::report::shiviz::ShiViz;
use amflab::timeline::Fold;
use amflab::trace::{Control, Step};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

fn export<E: Export>(bytes: &[u8], make: impl FnOnce(&Config) -> E) {
    let whole = read(bytes);
    let mut export = make(&whole.profile.config);
    whole.steps.iter().for_each(|step| export.survey(step));
    let mut fold = Fold::new(&whole.profile, &whole.head);
    for step in &whole.steps {
        assert!(export.step(step, &mut fold).unwrap());
    }
    assert!(fold.trouble().is_none());
    export.end().unwrap();
}

// ---- EDN

/// As much of EDN as a history holds.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    Number(u64),
    Word(String),
    Text(String),
    List(Vec<Form>),
    Map(BTreeMap<String, Form>),
}

/// A reader that knows nothing of the writer: braces, brackets, keywords, numbers, strings, commas.
fn parse(text: &mut &str) -> Form {
    *text = text.trim_start_matches([' ', ',']);
    let first = text.chars().next().expect("something");
    let rest = &text[first.len_utf8()..];
    match first {
        '{' | '[' => {
            let close = if first == '{' { '}' } else { ']' };
            *text = rest;
            let mut all = Vec::new();
            loop {
                *text = text.trim_start_matches([' ', ',']);
                if let Some(rest) = text.strip_prefix(close) {
                    *text = rest;
                    break;
                }
                all.push(parse(text));
            }
            if first == '[' {
                return Form::List(all);
            }
            assert!(all.len().is_multiple_of(2), "keys have values");
            let pairs = all.chunks(2).map(|pair| match &pair[0] {
                Form::Word(key) => (key.clone(), pair[1].clone()),
                other => panic!("{other:?} is no key"),
            });
            Form::Map(pairs.collect())
        }
        '"' => {
            let end = rest.find('"').expect("a string ends");
            *text = &rest[end + 1..];
            Form::Text(rest[..end].to_owned())
        }
        _ => {
            let end = text.find([' ', ',', '}', ']']).unwrap_or(text.len());
            let word = &text[..end];
            *text = &text[end..];
            word.parse().map_or_else(|_| Form::Word(word.to_owned()), Form::Number)
        }
    }
}

struct Line {
    process: u64,
    kind: String,
    f: String,
    key: String,
    value: Form,
}

fn lines(text: &str) -> Vec<Line> {
    let mut time = 0;
    let line = |(index, line): (usize, &str)| {
        let mut rest = line;
        let Form::Map(mut map) = parse(&mut rest) else { panic!("{line}") };
        assert_eq!(rest, "", "one form a line");
        assert_eq!(map.remove(":index"), Some(Form::Number(index as u64)));
        let Some(Form::Number(now)) = map.remove(":time") else { panic!("{line}") };
        assert!(now >= time, "{line}");
        time = now;
        let mut word = |key: &str| match map.remove(key) {
            Some(Form::Word(word)) => word,
            other => panic!("{key}: {other:?}"),
        };
        let (kind, f) = (word(":type"), word(":f"));
        let Some(Form::Number(process)) = map.remove(":process") else { panic!("{line}") };
        let Some(Form::List(mut pair)) = map.remove(":value") else { panic!("{line}") };
        assert!(map.is_empty() && pair.len() == 2, "{line}");
        let value = pair.remove(1);
        let Form::Text(key) = pair.remove(0) else { panic!("{line}") };
        Line { process, kind, f, key, value }
    };
    text.lines().enumerate().map(line).collect()
}

/// One key's lines as Jepsen's log shows them; zeroes, which it holds at first, are its `nil`.
fn log_of(lines: &[Line], key: &str) -> String {
    let mut log = String::new();
    let shown = |value: &Form| match value {
        Form::Number(0) => "nil".to_owned(),
        Form::Number(n) => n.to_string(),
        Form::Word(word) => word.clone(),
        other => panic!("{other:?}"),
    };
    for line in lines.iter().filter(|line| line.key == key) {
        let value = match &line.value {
            Form::List(pair) => format!("[{} {}]", shown(&pair[0]), shown(&pair[1])),
            one => shown(one),
        };
        let value = if line.kind == ":info" { ":timed-out".to_owned() } else { value };
        let Line { process, kind, f, .. } = line;
        let _ = writeln!(log, "INFO  jepsen.util - {process}\t{kind}\t{f}\t{value}");
    }
    log
}

#[test]
fn histories_are_well_formed_edn_and_our_own_checker_reads_them() {
    let (mut judged, mut infos) = (0, 0);
    // Jepsen has no word for a loss that hosts accept.
    let accepts = |bytes: &Vec<u8>| {
        let is_loss = |step: &Step| matches!(step, Step::Control(Control::AcceptLoss(_)));
        super::read(bytes).steps.iter().any(|recorded| is_loss(&recorded.entry.step))
    };
    let recordings = (40..80).map(|seed| recording(seed, 150)).filter(|bytes| !accepts(bytes));
    let exported = recordings.map(|bytes| {
        let mut out = Vec::new();
        export(&bytes, |config| Edn::new(config, &mut out));
        let text = String::from_utf8(out).unwrap();
        (lines(&text), text)
    });
    // Some seeds draw clusters that refuse nearly everything.
    for (lines, text) in exported.filter(|(lines, _)| lines.len() > 40).take(6) {
        let mut busy = BTreeMap::new();
        for line in &lines {
            match line.kind.as_str() {
                ":invoke" => {
                    let before = busy.insert(line.process, (line.key.clone(), line.f.clone()));
                    assert_eq!(before, None, "a process does one thing at a time");
                }
                ":info" => {
                    infos += 1;
                    // Never used again: it stays busy.
                    assert!(busy.contains_key(&line.process));
                }
                ":ok" | ":fail" => {
                    let was = busy.remove(&line.process);
                    assert_eq!(was, Some((line.key.clone(), line.f.clone())));
                }
                other => panic!("{other}"),
            }
        }
        let keys: BTreeSet<&String> = lines.iter().map(|line| &line.key).collect();
        let whole = jepsen::parse_from(&text, "0").unwrap();
        let named = whole.registers.iter().map(|part| part.key.clone().unwrap());
        let mut named: Vec<String> = named.map(|key| key.trim_matches('"').to_owned()).collect();
        named.sort();
        assert!(named.iter().eq(keys.iter().copied()), "every register by its name");
        let all_fine = whole
            .registers
            .iter()
            .all(|part| matches!(part.register.judge(BUDGET).verdict, Verdict::Linearizable(_)));
        assert!(all_fine, "as one history, too");
        for key in keys {
            let log = log_of(&lines, key);
            let register = jepsen::parse(&log).unwrap_or_else(|bad| panic!("{bad:?}\n{log}"));
            let verdict = register.registers[0].register.judge(BUDGET).verdict;
            assert!(matches!(verdict, Verdict::Linearizable(_)), "{key}\n{log}");
            judged += 1;
        }
    }
    assert!(judged > 50 && infos > 0, "{judged} registers, {infos} unanswered");
}

// ---- ShiViz

#[test]
fn vector_clocks_are_consistent() {
    let mut out = Vec::new();
    export(&recording(50, 300), |_| ShiViz::new(&mut out));
    let text = String::from_utf8(out).unwrap();
    let all: Vec<&str> = text.lines().collect();
    assert!(all.len().is_multiple_of(2) && all.len() > 500);
    let mut last: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut merges = 0;
    for event in all.chunks(2) {
        let (host, clock) = event[0].split_once(' ').unwrap();
        let clock: BTreeMap<String, u64> = serde_json::from_str(clock).unwrap();
        assert!(!event[1].is_empty(), "{event:?}");
        let before = last.get(host).cloned().unwrap_or_default();
        let own = before.get(host).copied().unwrap_or(0);
        assert_eq!(clock[host], own + 1, "{event:?}");
        for (other, count) in &before {
            assert!(clock[other] >= *count, "nothing is forgotten: {event:?}");
        }
        for (other, count) in clock.iter().filter(|(other, _)| other.as_str() != host) {
            let theirs = last.get(other).and_then(|clock| clock.get(other)).copied().unwrap_or(0);
            assert!(*count <= theirs, "nobody knows the future: {event:?}");
            if before.get(other).copied().unwrap_or(0) < *count {
                merges += 1;
                assert!(event[1].contains("from"), "news comes with packets: {event:?}");
            }
        }
        last.insert(host.to_owned(), clock);
    }
    assert!(merges > 100, "{merges}");
}

// ---- Chrome

#[test]
fn a_trace_is_json_whose_arrows_and_bars_begin_and_end() {
    let mut out = Vec::new();
    export(&recording(51, 300), |_| Chrome::new(&mut out));
    let whole: Value = serde_json::from_slice(&out).unwrap();
    let events = whole["traceEvents"].as_array().unwrap();
    let (mut names, mut arrows, mut bars) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
    let mut slices = 0;
    for event in events {
        let (track, id) = (event["tid"].as_u64().unwrap(), event["id"].as_u64());
        let at = event["ts"].as_f64();
        match event["ph"].as_str().unwrap() {
            "M" => assert!(names.insert(event["args"]["name"].as_str().unwrap().to_owned())),
            "X" => {
                slices += 1;
                let (at, long) = (at.unwrap(), event["dur"].as_f64().unwrap());
                let end = ends.entry(track).or_insert(0.0);
                assert!(at + 1e-6 >= *end && long > 0.0, "slices of a track do not overlap");
                *end = at + long;
            }
            "s" => assert!(arrows.insert(id.unwrap(), at.unwrap()).is_none()),
            "f" => assert!(arrows[&id.unwrap()] <= at.unwrap(), "no arrow goes back in time"),
            "b" => assert!(bars.insert(id.unwrap())),
            "e" => assert!(bars.remove(&id.unwrap())),
            other => panic!("{other}"),
        }
    }
    assert!(names.contains("amf0") && names.contains("witness") && names.contains("disk0"));
    assert!(slices > 300 && arrows.len() > 100);
}

/// The real binary writes each of them.
#[test]
fn inspect_exports_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("run"), folder.path().join("out"));
    std::fs::write(&file, recording(52, 60)).unwrap();
    for (form, begin) in [("edn", "{:index 0,"), ("shiviz", ""), ("chrome", "{\"traceEvents\":[")] {
        let args = ["inspect", file.to_str().unwrap(), "--export", form];
        let to_file = ["-o", out.to_str().unwrap()];
        let run = |args: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amflab"));
            let output = command.args(args).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let printed = run(&args);
        assert!(printed.starts_with(begin) && printed.len() > 1_000, "{form}");
        assert_eq!(run(&[&args[..], &to_file[..]].concat()), "");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), printed, "{form}");
    }
}
