//! Runs every `tests/conversations/*.txt` in both engines (docs/TESTING.md). In the simulator a bless
//! must change nothing; live, results, first sends and end states are compared, and both must meet
//! the script's own expectations. `BLESS=1 cargo test --test it conversations::` rewrites the traces;
//! read the difference.

use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::{self, Profile};
use amflab::protocol::Defect;
use amflab::session::{Session, run_script};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::grammar::{Head, decode};
use amflab::trace::{Ask, Limits, Script, parse_script};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations")
}

fn conversations() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder of conversations");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    paths.sort();
    assert!(paths.len() >= 14, "one for each claim, and more");
    paths
}

/// A conversation: its text, what it says, and the profile that its head names.
struct Conversation {
    text: String,
    script: Script,
    profile: Profile,
}

impl Conversation {
    fn open(path: &Path) -> Self {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let bytes = std::fs::read(path).expect("a readable script");
        let text = decode(&bytes, &name).expect("UTF-8").to_owned();
        let head = Head::of(&text);
        let spec = head.profile.as_deref().expect("a conversation names its profile");
        let profile = profile::load(spec, &head.sets);
        let profile = profile.unwrap_or_else(|error| panic!("{name}: {error}"));
        let limits = Limits::of(&profile, &folder());
        let script = parse_script(&text, &name, &limits).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", errors.join("\n"))
        });
        Self { text, script, profile }
    }

    /// What is wrong with it on this engine, and the traces that it made.
    fn run(&self, mut session: Session, bless: bool) -> (String, Vec<Vec<String>>) {
        let report =
            run_script(&mut session, &self.script, bless, &mut |_| {}).expect("no broken engine");
        let mut wrong = String::new();
        let file = &self.script.file;
        for line in &report.failures {
            let said = [line.report.lines.clone(), line.difference.clone()].concat().join("\n    ");
            let _ = writeln!(wrong, "{file}:{}: {}\n    {said}", line.line, line.command);
        }
        for violation in &report.violations {
            let _ = writeln!(wrong, "{file}: violation: {violation}");
        }
        session.shutdown().expect("a clean end");
        (wrong, report.traces)
    }
}

#[test]
fn every_conversation_goes_in_the_simulator_as_it_is_written() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut all = String::new();
    for path in conversations() {
        let conversation = Conversation::open(&path);
        let Conversation { text, script, profile } = &conversation;
        let seed = script.head.seed.unwrap_or(profile.seed);
        let sim = Sim::new(profile, seed, SimOptions::default());
        let session = Session::new(Box::new(sim), profile);
        let (wrong, traces) = conversation.run(session, bless);
        let blessed = script.blessed(&traces);
        if blessed != *text && bless {
            std::fs::write(&path, blessed).expect("a writable script");
        } else if blessed != *text && wrong.is_empty() {
            let _ = writeln!(all, "{}: a bless would change it", script.file);
        }
        all.push_str(&wrong);
    }
    assert!(all.is_empty(), "\n{all}");
}

fn run_live(path: &Path) -> String {
    let conversation = Conversation::open(path);
    let engine = LiveEngine::start(&conversation.profile, &LiveOptions::default());
    let session = Session::new(Box::new(engine.expect("it starts")), &conversation.profile);
    conversation.run(session, false).0
}

/// Most of the time they wait for leases to run out: a few at a time.
#[test]
fn every_conversation_goes_live_as_its_summaries_say() {
    if std::env::var_os("BLESS").is_some() {
        return;
    }
    let paths = conversations();
    let wrong = std::thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(3));
        let run = |part: &[PathBuf]| part.iter().map(|path| run_live(path)).collect::<String>();
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || run(part))).collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("a thread ends"));
        ended.collect::<String>()
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// `# without its rule: DEFECT CHECKER..` in a head: what breaks the rule that the script is about, and
/// which checkers may notice it. The script as it is must not violate anything; with the defect on, it must.
const WITHOUT: &str = "# without its rule: ";

/// The checkers that fired in a conversation under a defect, in their order.
fn broken(conversation: &Conversation, defect: Defect) -> Vec<String> {
    let Conversation { script, profile, .. } = conversation;
    let mut profile = profile.clone();
    profile.config.defect = Some(defect);
    let seed = script.head.seed.unwrap_or(profile.seed);
    let sim = Sim::new(&profile, seed, SimOptions::default());
    let mut session = Session::new(Box::new(sim), &profile);
    run_script(&mut session, script, true, &mut |_| {}).expect("no broken engine");
    let snapshot = session.snapshot(&Ask::BRIEF);
    session.shutdown().expect("a clean end");
    snapshot.violations.iter().map(|violation| violation.checker.clone()).collect()
}

#[test]
fn without_its_rule_a_counterexample_is_found_by_a_named_checker() {
    if std::env::var_os("BLESS").is_some() {
        return;
    }
    let mut wrong = String::new();
    let mut count = 0;
    for path in conversations() {
        let conversation = Conversation::open(&path);
        let file = &conversation.script.file;
        for line in conversation.text.lines().filter_map(|line| line.strip_prefix(WITHOUT)) {
            let (defect, checkers) = line.split_once(' ').expect("a defect and its checkers");
            let defect: Defect = defect.parse().expect("a defect");
            let found = broken(&conversation, defect);
            count += 1;
            let named = found.first().is_some_and(|first| checkers.split(' ').any(|c| c == first));
            if !named {
                let _ = writeln!(wrong, "{file} under {defect}: {checkers} expected: {found:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 25, "counterexamples as conversations: {count}");
}

#[test]
fn each_claim_has_its_script_and_the_claims_of_sharing_begin_with_it() {
    for claim in 1..=14 {
        let path = folder().join(format!("claim-{claim:02}.txt"));
        let Conversation { text, script, .. } = Conversation::open(&path);
        assert!(text.starts_with(&format!("# Claim {claim}: ")), "{}", script.file);
        assert_eq!(script.head.profile.as_deref(), Some("claims"), "{}", script.file);
        let first = script.entries.first().expect("commands").command.to_string();
        assert_eq!(first == "protocol sharing", claim >= 10, "{}", script.file);
    }
}
