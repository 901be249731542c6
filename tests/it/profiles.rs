//! Profiles: the built-in ones load and survive a round trip; bad ones are refused with a message
//! that names file, line, key, what is allowed, and the nearest key.

use amflab::profile::{self, Access, Profile};
use amflab::protocol::id::{AmfId, Span};
use amflab::protocol::{Defect, Protocol, WritePolicy};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn sets(all: &[&str]) -> Vec<String> {
    all.iter().map(|set| (*set).to_owned()).collect()
}

fn parse(text: &str) -> Profile {
    profile::parse("test", "test.toml", text, &[]).expect("a good profile")
}

fn refusal(text: &str, over: &[&str]) -> String {
    profile::parse("test", "test.toml", text, &sets(over)).expect_err("a bad profile").to_string()
}

fn round_trip(profile: &Profile) {
    let text = profile::to_toml(profile);
    let again = profile::parse(&profile.name, "effective", &text, &[]);
    assert_eq!(again.as_ref(), Ok(profile), "{text}");
}

#[test]
fn every_builtin_loads_and_survives_a_round_trip() {
    assert_eq!(
        profile::names(),
        [
            "demo",
            "claims",
            "broadcast",
            "write-through",
            "raid5",
            "raid6",
            "large",
            "wan",
            "takeover",
            "fuzz"
        ]
    );
    for (name, text) in profile::builtin() {
        let profile = profile::load(name, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.name, *name);
        assert!(!profile.summary.is_empty(), "{name} says what it shows");
        assert!(text.starts_with("# "), "{name} opens with what it shows");
        profile.config.check().unwrap();
        round_trip(&profile);
    }
}

#[test]
fn every_profile_in_the_folder_is_built_in() {
    let mut files: Vec<String> = folder("profiles")
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut names = profile::names();
    files.sort();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn demo_is_what_the_first_screen_needs() {
    let demo = profile::load("demo", &[]).unwrap();
    let config = &demo.config;
    assert_eq!((config.amfs, config.lines, config.replicas), (4, 64, 1));
    assert_eq!((config.group.disks, config.group.copies, config.group.spares), (4, 2, 1));
    assert_eq!(config.blocks * u64::from(config.block_size), 64 << 20);
    assert_eq!((config.protocol, config.write), (Protocol::Sharing, WritePolicy::Back));
    let started: Vec<_> = demo.workloads.iter().filter(|w| w.autostart).collect();
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].rate, Some(20.0));
    assert!(started[0].working_set > u64::from(config.lines), "evictions show");
    assert!(demo.notes.iter().any(|note| note.starts_with("volatile")), "{:?}", demo.notes);
}

#[test]
fn claims_is_small_and_still() {
    let claims = profile::load("claims", &[]).unwrap();
    let config = &claims.config;
    assert_eq!((config.amfs, config.blocks, config.lines), (2, 16, 8));
    assert_eq!((config.protocol, config.destage_age), (Protocol::Broadcast, None));
    assert!(claims.workloads.iter().all(|workload| !workload.autostart));
}

#[test]
fn write_through_is_durable() {
    assert_eq!(profile::load("write-through", &[]).unwrap().volatile(), None);
}

#[test]
fn an_empty_profile_is_all_defaults() {
    let empty = parse("");
    assert_eq!(empty.config.dirty_high, empty.config.lines * 3 / 4);
    round_trip(&empty);
}

#[test]
fn the_schema_gives_the_defaults_that_an_empty_profile_has() {
    let shown = profile::to_toml(&parse(""));
    for key in profile::schema() {
        let derived = key.default.contains(' ');
        if key.section != "workload" && key.section != "fault" && !derived {
            let line = format!("{} = {} ", key.key, key.default);
            assert!(shown.contains(&line), "`{line}` in {shown}");
        }
        assert!(!key.doc.is_empty() && !key.range.is_empty());
    }
}

#[test]
fn sizes_and_times_are_understood_wherever_they_are_meant() {
    let profile = parse(
        "[volume]\nsize = \"1MiB\"\nblock_size = 8192\n[timing]\nlease_ms = \"3s\"\nretry_ms = \"1500us\"\n\
         [link]\ndelay_us = \"2ms\"\ndrop = \"20%\"\n[group]\nchunk = \"64KiB\"\n\
         [[workload]]\nname = \"w\"\nsizes = [512, \"4KiB\"]\nworking_set = \"256KiB\"\n[end]\nduration = 5\n",
    );
    assert_eq!((profile.config.blocks, profile.config.block_size), (128, 8192));
    assert_eq!((profile.config.lease, profile.config.retry), (Span::secs(3), Span::micros(1500)));
    assert_eq!((profile.link.delay, profile.link.drop_ppm), (Span::millis(2), 200_000));
    assert_eq!(profile.config.group.chunk, 8);
    assert_eq!(profile.workloads[0].sizes, [(512, 1), (4096, 1)]);
    assert_eq!(profile.workloads[0].working_set, 32);
    assert_eq!(profile.end.duration, Some(Span::secs(5)));
    round_trip(&profile);
}

#[test]
fn overrides_reach_every_section() {
    let profile = profile::load(
        "demo",
        &sets(&[
            "cache.lines=128",
            "cluster.protocol=broadcast",
            "defect=skip_one_invalidate",
            "timing.lease_ms=5s",
            "workload.gentle.rate=50",
            "workload.1.theta=1.2",
            "workload.gentle.amfs=[\"amf1\", 3]",
            "end.ops=1_000",
        ]),
    )
    .unwrap();
    assert_eq!((profile.config.lines, profile.config.protocol), (128, Protocol::Broadcast));
    assert_eq!(profile.config.defect, Some(Defect::SkipOneInvalidate));
    assert_eq!(profile.config.lease, Span::secs(5));
    assert_eq!(profile.workloads[0].rate, Some(50.0));
    assert_eq!(profile.workloads[1].access, Access::Zipf { theta: 1.2, scatter: true });
    assert_eq!(profile.end.ops, Some(1000));
    round_trip(&profile);
}

#[test]
fn an_access_list_names_amfs_of_the_cluster_and_workloads_keep_to_it() {
    let profile = parse("[volume]\naccess = [\"amf2\", 0]\n");
    assert_eq!(profile.config.users(), [AmfId(0), AmfId(2)].into_iter().collect());
    assert_eq!(profile.config.only_user(), None);
    round_trip(&profile);
    let profile = parse("[volume]\naccess = [3]\n");
    assert_eq!(profile.config.only_user(), Some(AmfId(3)));
    round_trip(&profile);
    let everybody = parse("").config.users();
    assert_eq!(everybody, (0..4).map(AmfId).collect(), "empty: all");
    let error = refusal("[volume]\naccess = [1, 4]\n", &[]);
    let wanted = "test.toml:2: volume.access: amf4 does not exist; allowed: amf0 to amf3";
    assert!(error.starts_with(wanted), "{error}");
    let error = refusal("[volume]\naccess = [1, \"amf1\"]\n", &[]);
    assert!(error.contains("`amf1` is named twice"), "{error}");
    let text = "[volume]\naccess = [1]\n[[workload]]\nname = \"w\"\namfs = [2]\n";
    let error = refusal(text, &[]);
    assert!(error.contains("amf2 is not in the access list of the volume"), "{error}");
}

/// The file's `theta` would be a mistake beside `hotspot`; here it was meant for what was overridden.
#[test]
fn an_overridden_access_pattern_leaves_the_other_keys_alone() {
    let over = sets(&["workload.1.access=\"hotspot\"", "workload.storm.hot=20%"]);
    let profile = profile::load("demo", &over).unwrap();
    assert_eq!(profile.workloads[1].access, Access::Hotspot { hot: 0.2, share: 0.9 });
    round_trip(&profile);
}

#[test]
fn a_bad_override_names_itself() {
    let error = refusal("", &["cache.lnes=2", "cache.lines=2", "nonsense", "workload.x.rate=1"]);
    assert!(error.contains("--set cache.lnes=2: cache.lnes: there is no such key"), "{error}");
    assert!(error.contains("hint: did you mean `lines`?"), "{error}");
    assert!(error.contains("--set cache.lines=2: cache.lines: `2` is out of range"), "{error}");
    assert!(error.contains("--set nonsense: is no KEY=VALUE"), "{error}");
    assert!(error.contains("the profile has no workload `x`"), "{error}");
}

#[test]
fn a_list_of_another_name_is_told_as_a_section() {
    let error = refusal("[[workloads]]\nname = \"w\"\n", &[]);
    assert!(error.contains("test.toml:1: workloads: there is no such section"), "{error}");
    assert!(error.contains("hint: did you mean [[workload]]?"), "{error}");
}

#[test]
fn a_contradiction_made_by_an_override_names_the_override() {
    let text = "[[workload]]\nname = \"w\"\namfs = [3]\n";
    let error = refusal("[timing]\nlease_ms = 2000\n", &["timing.renew_ms=1500"]);
    assert!(
        error.starts_with("--set timing.renew_ms=1500: timing.renew_ms: 1500 ms is more"),
        "{error}"
    );
    let error = refusal(text, &["cluster.amfs=2"]);
    let wanted = "--set cluster.amfs=2: cluster.amfs: amf3 does not exist; allowed: amf0 to amf1 \
                  (workload[0].amfs, test.toml:3)";
    assert_eq!(error, wanted);
    let error = refusal("[group]\ncopies = 3\n", &[]);
    let wanted = "test.toml:2: group.copies: 4 disks cannot be split into mirrors of 3 copies \
                  (group.disks, by default)";
    assert_eq!(error, wanted);
}

#[test]
fn a_lease_by_itself_is_renewed_twice() {
    let profile = profile::load("demo", &sets(&["timing.lease_ms=3s"])).unwrap();
    assert_eq!((profile.config.lease, profile.config.renew), (Span::secs(3), Span::millis(1500)));
    let error = refusal("[[workload]]\nname = \"gentle\"\n", &["workload.gentel.rate=1"]);
    assert!(error.ends_with("no workload `gentel`\n  hint: did you mean `gentle`?"), "{error}");
}

#[test]
fn more_replicas_than_members_is_a_note() {
    let profile = parse("[cluster]\namfs = 2\nreplicas = 3\n");
    assert_eq!(profile.config.replicas_effective(), 1);
    assert!(profile.notes[0].contains("replicas = 3"), "{:?}", profile.notes);
}

#[test]
fn a_fault_schedule_is_commands_in_order_of_time() {
    let text = "[[fault]]\nat = \"5s\"\ncommand = \"restart amf1\"\n\
                [[fault]]\nat = 2\ncommand = \"crash amf1\"\n\
                [[fault]]\nat = \"1500ms\"\ncommand = \"link amf0 amf1 drop 20%\"\n";
    let profile = parse(text);
    let said: Vec<String> = profile
        .faults
        .iter()
        .map(|fault| format!("{} {}", fault.at.0, fault.commands[0].command))
        .collect();
    assert_eq!(
        said,
        ["1500000000 link amf0 amf1 drop 20%", "2000000000 crash amf1", "5000000000 restart amf1"]
    );
    round_trip(&profile);
}

#[test]
fn a_missing_file_and_an_unknown_name_are_told_apart() {
    let error = profile::load("./no/such.toml", &[]).unwrap_err().to_string();
    assert!(error.starts_with("./no/such.toml: cannot be opened"), "{error}");
    let error = profile::load("dmeo", &[]).unwrap_err().to_string();
    assert!(error.contains("there is no such built-in profile"), "{error}");
    assert!(error.contains("did you mean `demo`"), "{error}");
}

#[test]
fn a_huge_profile_is_refused() {
    let error = refusal(&"#".repeat(profile::PROFILE_BYTES_MAX + 1), &[]);
    assert!(error.contains("bytes are too many"), "{error}");
}

/// Every file in `tests/profiles_invalid` says in its head what its error must contain.
#[test]
fn invalid_profiles_are_refused_as_they_say() {
    let parse = |label: &str, text: &str| {
        profile::parse("bad", label, text, &[]).err().map(|error| error.to_string())
    };
    let bad = refused_as_they_say("tests/profiles_invalid", parse);
    assert!(bad.len() >= 15, "only {} bad profiles", bad.len());
}

/// A file that is refused: its name, the error, and what its head says of that.
pub(crate) type Bad = (String, String, Vec<String>);

/// Every file of a folder says in its head what its error must contain.
pub(crate) fn refused_as_they_say(
    name: &str,
    parse: impl Fn(&str, &str) -> Option<String>,
) -> Vec<Bad> {
    let (mut bad, mut missing) = (Vec::new(), Vec::new());
    for path in folder(name) {
        let text = std::fs::read_to_string(&path).expect("a text");
        let label = path.file_name().expect("a name").to_string_lossy().into_owned();
        let error = parse(&label, &text).unwrap_or_else(|| panic!("{label} was accepted"));
        let lines = text.lines().filter_map(|line| line.strip_prefix("# expect: "));
        let expected: Vec<String> = lines.map(str::to_owned).collect();
        assert!(!expected.is_empty(), "{label} does not say what it expects");
        for wanted in expected.iter().filter(|wanted| !error.contains(&**wanted)) {
            missing.push(format!("{label}: wanted `{wanted}` in:\n{error}"));
        }
        bad.push((label, error, expected));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n\n"));
    bad
}

fn folder(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let files = std::fs::read_dir(folder).expect("the folder is part of the project");
    let files = files.map(|entry| entry.expect("a readable folder").path());
    files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

proptest! {
    /// A damaged profile is refused or accepted, never a panic; what is accepted survives a round trip.
    #[test]
    fn damage_is_never_a_panic(
        which in 0usize..6,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), ".{0,6}"), 0..4),
    ) {
        let mut text = profile::builtin()[which].1.to_owned();
        for (at, put) in cuts {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let end = (at + put.len()).min(text.len());
            let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(at);
            text.replace_range(at..end, &put);
        }
        if let Ok(profile) = profile::parse("damaged", "damaged.toml", &text, &[]) {
            round_trip(&profile);
        }
    }

    /// Every key takes any value: inside its range, or a refusal that names the key.
    #[test]
    fn any_override_is_taken_or_named(
        key in any::<prop::sample::Index>(),
        value in prop_oneof![
            "-?[0-9]{1,25}", "[0-9]{1,9}(\\.[0-9]{1,3})?(s|ms|us|ns|h|KiB|MiB|PiB|B|%)?", ".{0,12}",
            "(true|all|none|single|stripe|mirror|zipf|hotspot|sequential|\\[\\]|\\[0, 1\\])",
        ],
    ) {
        let keys = profile::schema();
        let key = &keys[key.index(keys.len())];
        let path = match key.section {
            "" => key.key.to_owned(),
            "workload" => format!("workload.gentle.{}", key.key),
            "fault" => return Ok(()),
            section => format!("{section}.{}", key.key),
        };
        match profile::load("demo", &[format!("{path}={value}")]) {
            Ok(profile) => round_trip(&profile),
            Err(error) => prop_assert!(error.to_string().contains(key.key), "{}", error),
        }
    }
}
