//! Reports as pages: well-formed, with nothing from outside, and drawn by a real browser where there is one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::cli::amflab_parts as amflab;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tags that have no end in HTML.
const VOID: [&str; 3] = ["meta", "img", "br"];

/// Every start tag of a page or picture, with its attributes; panics unless all tags are closed in order.
fn tags(text: &str) -> Vec<(String, String)> {
    let (mut open, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let end =
            rest[at..].find('>').map_or_else(|| panic!("a tag is not closed"), |end| at + end);
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags are closed in order");
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes are closed: {tag}");
        let name = tag.split([' ', '/']).next().unwrap().to_owned();
        if name == "style" {
            let end = rest.find("</style>").unwrap();
            found.push((name, rest[..end].to_owned()));
            rest = &rest[end + "</style>".len()..];
            continue;
        }
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        found.push((name, tag.to_owned()));
    }
    assert_eq!(open, Vec::<String>::new(), "everything is closed");
    found
}

/// Panics unless the page is well-formed and takes nothing from anywhere; pictures inside it, too.
pub(crate) fn sound(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"));
    check(page);
}

fn check(text: &str) {
    let space = "http://www.w3.org/2000/svg";
    for (name, attributes) in tags(text) {
        assert!(
            !["script", "link", "iframe", "object", "embed"].contains(&name.as_str()),
            "{name}"
        );
        let outside = attributes.replace(&format!("xmlns=\"{space}\""), "");
        if name == "img" {
            let uri = attributes.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
            let picture = uri.strip_prefix("data:image/svg+xml,").unwrap();
            check(&decoded(picture));
            continue;
        }
        for word in ["http:", "https:", "url(", "@import", "src=", "href="] {
            assert!(!outside.contains(word), "{name}: {outside}");
        }
    }
    let bare =
        text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").replace("&quot;", "");
    assert!(!bare.contains('&') || bare.contains("data:image"), "no sign is left bare");
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A run with a crash and a broken rule: everything that a page can show.
fn rich(folder: &Path) -> (PathBuf, PathBuf) {
    let (page, recording) = (folder.join("run.html"), folder.join("run.amfrec"));
    let profile = folder.join("rich.toml");
    let text = "[volume]\nsize = \"4MiB\"\n[timing]\nlease_ms = 100\nsuspect_after_ms = 50\nretry_ms = 5\n\
                [[workload]]\nname = \"w\"\nworking_set = 24\nread_ratio = 0.5\nrate = 500\n\
                [[fault]]\nat = \"500ms\"\nkind = \"crash\"\ntarget = \"amf1\"\nstability = \"700ms\"\n\
                [end]\nduration = 2\n";
    std::fs::write(&profile, text).unwrap();
    let (page_text, recording_text) = (page.to_str().unwrap(), recording.to_str().unwrap());
    let args = ["run", "--engine", "sim", "-p", profile.to_str().unwrap()];
    let broken = ["--set", "defect=skip_one_invalidate"];
    let out = ["--report", page_text, "--record", recording_text];
    let (code, said, err) = amflab(&[&args[..], &broken, &out].concat());
    assert_eq!(code, 1, "a rule is broken: {said}{err}");
    (page, recording)
}

#[test]
fn a_page_of_a_run_has_everything_and_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (page, _) = rich(folder.path());
    let text = std::fs::read_to_string(&page).unwrap();
    sound(&text);
    for part in [
        "Verdict: ",
        "violation",
        "amflab run --engine sim",
        "throughput over time",
        "latency over time",
        "hit ratio over time",
        "read latency histogram",
        "message mix",
        "touches by block and time",
        "newest writers",
        "fault: crash amf1",
        "recovery ms",
        "data:image/svg+xml,",
        "prefers-color-scheme:dark",
        "@media print",
        "skip_one_invalidate",
    ] {
        assert!(text.contains(part), "`{part}` is missing");
    }
}

#[test]
fn a_recording_becomes_a_page_json_and_csv() {
    let folder = tempfile::tempdir().unwrap();
    let (_, recording) = rich(folder.path());
    let recording = recording.to_str().unwrap();
    let (code, json, err) = amflab(&["report", recording, "--format", "json"]);
    assert_eq!(code, 1, "{err}");
    let report: Value = serde_json::from_str(&json).unwrap();
    let series = report["series"].as_array().unwrap();
    let sum = |name: &str| series.iter().map(|point| point[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(report["ops"].as_u64().unwrap(), sum("ops"));
    assert!(sum("touches") >= sum("hits") && sum("hits") > 0);
    assert!(report["violations"].as_u64().unwrap() > 0);
    assert!(report["takeovers"][0]["blocks"].as_u64().unwrap() > 0);
    assert!(report["marks"].as_array().unwrap().iter().any(|mark| mark["text"] == "crash amf1"));
    assert!(report["blocks"][0]["moves"].as_u64() >= report["blocks"][1]["moves"].as_u64());
    let csv = folder.path().join("run.csv");
    let (code, out, _) = amflab(&["report", recording, "-o", csv.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, ""));
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(csv.starts_with("at_s,ops,errors,"), "the form follows the name");
    assert_eq!(csv.lines().count(), series.len() + 1);
    let (_, page, _) = amflab(&["report", recording]);
    sound(&page);
    let (code, out, err) = amflab(&["report", "/no/such.amfrec"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
}

/// What `run` reported of a run, with its warm-up, its faults, and what was read back at its end.
fn told_of(folder: &Path, name: &str, toml: &str, more: &[&str]) -> [Value; 2] {
    let profile = folder.join(format!("{name}.toml"));
    std::fs::write(&profile, toml).unwrap();
    let recording = folder.join(format!("{name}.amfrec"));
    let recording = recording.to_str().unwrap();
    let args = ["run", "--engine", "sim", "--json", "-p", profile.to_str().unwrap()];
    let (code, json, err) = amflab(&[&args[..], &["--record", recording], more].concat());
    assert_eq!(code, 0, "{name}: {err}");
    let run = serde_json::from_str(&json).unwrap();
    let (_, json, err) = amflab(&["report", recording, "--format", "json"]);
    [run, serde_json::from_str(&json).unwrap_or_else(|_| panic!("{name}: {err}"))]
}

/// A report of a recording has the figures of the run: no warm-up, nothing that was read back, and a request
/// that an AMF turned away is one request, however many AMFs its host asked.
#[test]
fn a_report_has_the_figures_of_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let load = "[[workload]]\nname = \"w\"\nworking_set = 300\nread_ratio = 0.4\nrate = 400\n";
    let crash =
        "[[fault]]\nat = \"700ms\"\nkind = \"crash\"\ntarget = \"amf1\"\nstability = \"900ms\"\n";
    let end = "[end]\nduration = 2\n";
    let warmed = format!("{load}warmup = \"500ms\"\n{end}");
    let broken = format!("{load}{crash}{end}");
    for (name, toml, more) in [
        ("plain", format!("{load}{end}"), &[][..]),
        ("warmed", warmed, &[]),
        ("broken", broken.clone(), &[]),
        ("alone", broken, &["--set", "host.paths=1"]),
    ] {
        let [run, report] = told_of(folder.path(), name, &toml, more);
        for figure in ["ops", "errors", "retried", "touches", "hits", "hit_ratio"] {
            assert_eq!(run[figure], report[figure], "{name}: {figure}");
        }
        let counts = &report["counts"];
        for figure in ["broadcasts", "broadcasts_saved", "disk_reads", "disk_writes", "destages"] {
            assert_eq!(run[figure], counts[figure], "{name}: {figure}");
        }
        for (kind, count) in report["messages"].as_object().unwrap() {
            assert_eq!(run["messages"][kind], *count, "{name}: {kind}");
        }
        for of in ["read", "write"] {
            assert_eq!(run["latency_us"][of], report["latency_us"][of], "{name}: {of}");
        }
        assert!(run["blocks_read_back"].as_u64().unwrap() > 0, "{name}: more was read");
        let (errors, retried) = (run["errors"].as_u64(), run["retried"].as_u64());
        match name {
            "broken" => assert!(retried > Some(0), "{name}: {retried:?} of a crash"),
            "alone" => assert!(errors > Some(0) && retried == Some(0), "{name}: {errors:?}"),
            _ => assert_eq!((errors, retried), (Some(0), Some(0)), "{name}"),
        }
    }
}

/// A loss that hosts have accepted is no violation of what comes later, for a page as for everybody else; and
/// a view is told of at its step.
#[test]
fn a_page_judges_as_inspect_does() {
    let folder = tempfile::tempdir().unwrap();
    for script in ["cex-D3", "power-failure"] {
        let path = format!("tests/conversations/{script}.txt");
        let recording = folder.path().join(format!("{script}.amfrec"));
        let recording = recording.to_str().unwrap();
        let (code, _, err) = amflab(&["exec", &path, "--record", recording]);
        assert_eq!(code, 0, "{script}: {err}");
        let (_, json, err) = amflab(&["report", recording, "--format", "json"]);
        let report: Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{err}"));
        let (_, json, _) = amflab(&["inspect", recording, "--json"]);
        let shot: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(report["violations"], shot["checker"]["violations"], "{script}: {report:#}");
        let marks = report["marks"].as_array().unwrap();
        let views = marks.iter().filter_map(|mark| {
            let epoch = mark["text"].as_str().unwrap().strip_prefix("view ")?;
            Some((mark["step"].as_u64().unwrap(), epoch.parse().unwrap()))
        });
        let views: Vec<(u64, u64)> = views.collect();
        assert!(!views.is_empty(), "{script}: {marks:?}");
        for (step, began) in views {
            let epoch = |at: u64| {
                let (_, json, _) =
                    amflab(&["inspect", recording, "--at", &at.to_string(), "--json"]);
                let shot: Value = serde_json::from_str(&json).unwrap();
                shot["state"]["view"]["epoch"].as_u64().unwrap()
            };
            assert_eq!(epoch(step), began, "{script}: step {step}");
            assert!(epoch(step - 1) < began, "{script}: step {step}");
        }
    }
}

#[test]
fn a_clean_run_without_a_recording_has_a_page_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("clean.html");
    let args = ["run", "--engine", "sim", "--workload", "migratory", "--ops", "400", "--report"];
    let (code, out, err) = amflab(&[&args[..], &[page.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{out}{err}");
    assert!(!err.contains("recorded"), "{err}");
    let text = std::fs::read_to_string(&page).unwrap();
    sound(&text);
    assert!(text.contains("class=\"ok\">ok<"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let (code, out, err) = amflab(&[&args[..], &["/no/such/folder/run.html"]].concat());
    assert_eq!((code, out.as_str()), (2, ""), "before anything runs: {err}");
}

/// A browser that can draw without a screen, if one is installed.
fn browser() -> Option<&'static str> {
    let all = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    all.into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success())
    })
}

#[test]
fn a_browser_draws_the_page() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium is installed, so no page is drawn");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (page, _) = rich(folder.path());
    let picture = folder.path().join("page.png");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg("--window-size=1000,4000")
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let drawn = std::fs::read(&picture).unwrap();
    assert_eq!(&drawn[..8], b"\x89PNG\r\n\x1a\n");
    // A blank page of this size compresses to some 20 KB.
    assert!(drawn.len() > 60_000, "{} bytes: it is blank", drawn.len());
    if let Ok(to) = std::env::var("AMFLAB_KEEP_PAGE") {
        std::fs::copy(&picture, Path::new(&to).join("page.png")).unwrap();
        std::fs::copy(&page, Path::new(&to).join("page.html")).unwrap();
    }
}

/// A report of a recording that would take its place is refused, and the recording whole.
#[test]
fn a_recording_is_not_written_over_by_what_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.amfrec");
    let path = file.to_str().unwrap();
    let (code, _, err) = amflab(&["run", "--engine", "sim", "--ops", "20", "--record", path]);
    assert_eq!(code, 0, "{err}");
    let before = std::fs::read(&file).unwrap();
    for command in [
        &["report", path, "-o", path][..],
        &["ladder", path, "-o", path],
        &["inspect", path, "--export", "edn", "-o", path],
        &["inspect", path, "--export", "jsonl", "-o", path],
    ] {
        let (code, _, err) = amflab(command);
        assert_eq!(code, 2, "{command:?}: {err}");
        assert!(err.contains("is the recording itself"), "{command:?}: {err}");
        assert!(std::fs::read(&file).unwrap() == before, "{command:?}");
    }
}
