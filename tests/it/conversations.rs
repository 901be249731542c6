//! Runs every `tests/conversations/*.txt` live. What happens is compared by the summaries of host
//! commands and by the script's own expectations (docs/TESTING.md).

use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::{self, Profile};
use amflab::session::{Session, run_script};
use amflab::trace::grammar::{Head, decode};
use amflab::trace::{Limits, Script, parse_script};
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
fn every_conversation_goes_live_as_its_summaries_say() {
    let mut all = String::new();
    for path in conversations() {
        let conversation = Conversation::open(&path);
        let engine = LiveEngine::start(&conversation.profile, &LiveOptions::default());
        let session = Session::new(Box::new(engine.expect("it starts")), &conversation.profile);
        all.push_str(&conversation.run(session, false).0);
    }
    assert!(all.is_empty(), "\n{all}");
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
