//! The command language: text to commands and back, errors that help, scripts that are whole.

use amflab::protocol::id::{AmfId, Block, DiskId, Mode, NodeId, Span};
use amflab::protocol::{Defect, HostError, LineState, MsgKind, Protocol, Rule, Source};
use amflab::trace::action::{Action, HoldFilter, LinkSetting, Release, Target};
use amflab::trace::command::{Command, Condition, Expectation, HostCommand, Outcome, Value};
use amflab::trace::grammar::{Head, Wrong, decode, nearest};
use amflab::trace::{Limits, Script, parse_command, parse_script, registry};
use proptest::prelude::*;
use std::path::PathBuf;

fn limits() -> Limits {
    Limits {
        amfs: 4,
        disks: 5,
        blocks: 16_384,
        block_size: 4_096,
        workloads: vec!["gentle".to_owned(), "hot-spot".to_owned()],
        base_dir: PathBuf::from("."),
    }
}

fn parse(text: &str) -> Command {
    parse_command(text, &limits()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn wrong(text: &str) -> String {
    parse_command(text, &limits()).expect_err(text).to_string()
}

#[test]
fn every_registry_entry_parses_its_own_examples_and_leads_back_to_itself() {
    for entry in registry::ENTRIES {
        assert!(!entry.examples.is_empty(), "{} has an example", entry.name);
        for example in entry.examples {
            let command = parse(example);
            assert_eq!(registry::entry(&command).name, entry.name, "{example}");
            assert_eq!(parse(&command.to_string()), command, "{example}");
        }
        assert!(entry.usage.starts_with(entry.name), "{}", entry.usage);
        assert!(registry::find(entry.name).is_some());
    }
}

#[test]
fn a_command_means_what_it_says() {
    assert_eq!(
        parse("write amf1 3 \"al\\\"pha\" # why"),
        Command::Host(HostCommand::Write(AmfId(1), Block(3), Value::Text("al\"pha".to_owned())))
    );
    assert_eq!(
        parse("a: read amf2 7+2"),
        Command::Start("a".to_owned(), HostCommand::Read(AmfId(2), Block(7), 2))
    );
    assert_eq!(
        parse("partition amf0,amf1 | amf2..amf3 witness"),
        Command::Act(Action::Partition(vec![
            vec![NodeId::Amf(AmfId(0)), NodeId::Amf(AmfId(1))],
            vec![NodeId::Amf(AmfId(2)), NodeId::Amf(AmfId(3)), NodeId::Witness],
        ]))
    );
    let (a, b) = (NodeId::Amf(AmfId(0)), NodeId::Witness);
    assert_eq!(
        parse("link amf0 witness drop 20%"),
        Command::Act(Action::Link(a, b, LinkSetting::Drop(200_000)))
    );
    assert_eq!(parse("tempo 0.01"), Command::Act(Action::Tempo(10)));
    assert_eq!(
        parse("run-until sent grant within 1.5s"),
        Command::RunUntil(Condition::Sent(MsgKind::Grant, None), Some(Span::millis(1_500)))
    );
    assert_eq!(parse("deliver"), Command::Act(Action::Deliver(Release::Oldest(1))));
    assert_eq!(parse("hold on"), Command::Act(Action::Hold(HoldFilter::ALL)));
}

#[test]
fn an_error_says_where_what_is_allowed_and_what_may_have_been_meant() {
    assert_eq!(
        wrong("wirte amf0 3 \"x\""),
        "column 1: `wirte` is no command\n  hint: did you mean `write`?"
    );
    assert_eq!(
        wrong("read amf7 3"),
        "column 6: amf7 does not exist here: this cluster has amf0 to amf3"
    );
    assert_eq!(
        wrong("read amf0 16384"),
        "column 11: block 16384 does not exist here: the volume has blocks 0 to 16383"
    );
    assert!(wrong("read amf0 16383+2").contains("block 16384 does not exist"));
    assert!(wrong("fail disk5").contains("this cluster has disk0 to disk4"));
    assert!(wrong("write amf0 3 \"x").contains("column 14: the text is not closed"));
    assert!(wrong("write amf0 3 \"\\q\"").contains("column 15: unknown escape"));
    assert!(wrong("write amf0 3 0x0").contains("`0x0` is no value"));
    assert!(wrong("write amf0 3 0x+1").contains("is no value"));
    assert!(wrong("write amf0 3 plain").contains("`plain` is no value"));
    assert!(wrong("write amf0 3").contains("column 13: value is missing\n  hint: usage: write"));
    assert!(wrong("heal now").contains("`now` is too much"));
    assert!(wrong("workload start gentel").contains("did you mean `gentle`?"));
    assert!(wrong("hold on grnat").contains("did you mean `grant`?"));
    assert!(wrong("wait 5").contains("is no time"));
    assert!(wrong("link amf0 amf0 clear").contains("two different"));
    assert!(wrong("link amf0 amf1 drop 101%").contains("is no rate"));
    assert!(wrong("partition amf0 | amf0").contains("one side only"));
    assert!(wrong("partition amf0 |").contains("is missing"));
    assert!(wrong("a: settle").contains("`settle` is no host command"));
    assert!(wrong("9a: read amf0 1").contains("is no label"));
    assert!(wrong("write amf0 3 @no-such-file").contains("cannot read"));
    let long = format!("write amf0 3 \"{}\"", "x".repeat(4_097));
    assert!(wrong(&long).contains("4097 bytes long, a block has 4096"));
    let empty = parse_command("  # nothing", &limits()).expect_err("no command");
    assert_eq!(empty.wrong, Wrong::Empty);
}

#[test]
fn what_comes_later_is_recognised_and_refused() {
    for text in ["protocol directory", "protocol hierarchical"] {
        assert!(wrong(text).contains("comes with a later version"), "{text}: {}", wrong(text));
    }
}

#[test]
fn a_file_is_a_value_up_to_a_block() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("two words"), b"content").unwrap();
    std::fs::write(dir.path().join("long"), vec![1; 4_097]).unwrap();
    let limits = Limits { base_dir: dir.path().to_owned(), ..limits() };
    let command = parse_command("write amf0 3 @\"two words\"", &limits).unwrap();
    let Command::Host(HostCommand::Write(_, _, value)) = &command else { panic!("{command}") };
    assert_eq!(&value.bytes(4_096).unwrap()[..8], b"content\0");
    assert_eq!(parse_command(&command.to_string(), &limits), Ok(command));
    let error = parse_command("write amf0 3 @long", &limits).unwrap_err();
    assert_eq!(error.wrong, Wrong::TooLong { len: 4_097, max: 4_096 });
    assert!(parse_command("write amf0 3 @.", &limits).is_err());
}

#[test]
fn completion_offers_what_may_stand_there() {
    let complete = |line: &str| registry::complete(line, line.len(), &limits());
    assert_eq!(complete("wr"), ["write", "write-fua"]);
    assert_eq!(complete("crash amf"), ["amf0", "amf1", "amf2", "amf3"]);
    assert_eq!(complete("expect state amf0 3 "), ["M", "O", "E", "S", "I", "L"]);
    assert_eq!(complete("protocol s"), ["sharing"]);
    assert_eq!(complete("workload start h"), ["hot-spot"]);
    assert!(complete("hold on ").contains(&"grant".to_owned()));
    assert!(complete("hold on ").contains(&"witness".to_owned()));
    assert_eq!(complete("a: re"), ["read"]);
    assert_eq!(complete("a: crash am"), ["amf0", "amf1", "amf2", "amf3"].map(String::from));
    assert_eq!(complete("run-until idle w"), ["within"]);
    assert_eq!(complete("run-until applied sus"), ["suspect", "suspend"]);
    assert!(complete("note \"wr").is_empty());
    assert!(complete("nonsense ").is_empty());
    assert!(complete("partition amf0 | amf1 ").contains(&"|".to_owned()));
}

#[test]
fn a_script_is_checked_whole_before_anything_runs() {
    let text = "# profile: claims\nwrite amf0 3 \"x\"\nraed amf1 3\nawait a\nread amf9 1\n";
    let errors = parse_script(text, "s.txt", &limits()).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 3);
    assert!(shown[0].starts_with("s.txt:3:1: `raed` is no command\n  hint: did you mean `read`"));
    assert!(shown[1].starts_with("s.txt:4:1: no line above has the label `a`"));
    assert!(shown[2].starts_with("s.txt:5:6: amf9 does not exist here"));
    let twice = parse_script("a: flush amf0\na: flush amf0\n", "s", &limits()).unwrap_err();
    assert!(twice[0].to_string().contains("used already"));
    let early = parse_script("expect source cache\n", "s", &limits()).unwrap_err();
    assert!(early[0].to_string().contains("no host command above"));
    let orphan = parse_script("| = ok\n", "s", &limits()).unwrap_err();
    assert!(orphan[0].to_string().contains("without a command"));
    let long = format!("note \"{}\"\n", "x".repeat(70_000));
    assert!(parse_script(&long, "s", &limits()).is_err());
    let many = "heal\n".repeat(100_001);
    assert!(parse_script(&many, "s", &limits()).unwrap_err()[0].to_string().contains("100000"));
    let error = decode(b"heal\nnote \"\xff\"\n", "s").unwrap_err();
    assert_eq!((error.line, error.column), (2, 7));
}

#[test]
fn a_head_is_read_before_anything_else_is_known() {
    let text =
        "# A claim.\n\n# profile: claims\n# seed: 7\n# set: cache.lines=4\nheal\n# profile: no\n";
    let head = Head::of(text);
    assert_eq!(head.profile.as_deref(), Some("claims"));
    assert_eq!(head.seed, Some(7));
    assert_eq!(head.sets, ["cache.lines=4"]);
    assert_eq!(Script::profile_name("heal\n# profile: late\n"), None);
}

#[test]
fn a_bless_rewrites_traces_and_nothing_else() {
    let text = "# why\n\nwrite amf0 3 \"x\" # odd   spacing\n| old\n  # between\n| older\nheal\n";
    let script = parse_script(text, "s", &limits()).unwrap();
    assert_eq!(script.entries[0].expected, ["old", "older"]);
    let traces = [vec!["new 1".to_owned(), "new 2".to_owned()], vec![]];
    let blessed = script.blessed(&traces);
    assert_eq!(
        blessed,
        "# why\n\nwrite amf0 3 \"x\" # odd   spacing\n| new 1\n| new 2\n  # between\nheal\n"
    );
    let again = parse_script(&blessed, "s", &limits()).unwrap();
    assert_eq!(again.entries[0].expected, ["new 1", "new 2"]);
    assert_eq!(again.blessed(&traces), blessed);
}

#[test]
fn no_far_word_is_offered() {
    assert_eq!(nearest("zzzz", ["heal", "read"]), None);
}

fn amf() -> impl Strategy<Value = AmfId> {
    (0u8..4).prop_map(AmfId)
}

fn disk() -> impl Strategy<Value = DiskId> {
    (0u8..5).prop_map(DiskId)
}

fn block() -> impl Strategy<Value = Block> {
    (0u64..16_000).prop_map(Block)
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![amf().prop_map(NodeId::Amf), disk().prop_map(NodeId::Disk), Just(NodeId::Witness)]
}

fn pair() -> impl Strategy<Value = (NodeId, NodeId)> {
    (node(), node()).prop_filter("two different ones", |(a, b)| a != b)
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![0u64..5_000, Just(200_000_000), 0u64..86_400_000_000_000].prop_map(Span)
}

fn value() -> impl Strategy<Value = Value> {
    let file = std::path::absolute("Cargo.toml").expect("a working directory");
    prop_oneof![
        "\\PC{0,20}".prop_map(Value::Text),
        "[\"\\\\#|, \n\t\u{7f}\u{85}]{0,8}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(Value::Hex),
        Just(Value::File(file)),
    ]
}

fn one<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(all.to_vec())
}

fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,31}"
}

fn mode() -> impl Strategy<Value = Mode> {
    one(&[Mode::Shared, Mode::Exclusive])
}

fn host() -> BoxedStrategy<HostCommand> {
    let run = || (amf(), block(), 1u32..300);
    prop_oneof![
        (amf(), block(), value()).prop_map(|(a, b, v)| HostCommand::Write(a, b, v)),
        (run(), 0u32..8, 8u32..24, value())
            .prop_map(|((a, b, _), s, n, v)| HostCommand::WriteSectors(a, b, s, n, v)),
        run().prop_map(|(a, b, n)| HostCommand::Read(a, b, n)),
        run().prop_map(|(a, b, n)| HostCommand::Trim(a, b, n)),
        run().prop_map(|(a, b, n)| HostCommand::Zero(a, b, n)),
        (amf(), block(), value(), value())
            .prop_map(|(a, b, old, new)| HostCommand::CompareAndWrite(a, b, old, new)),
        amf().prop_map(HostCommand::Flush),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    let denied = one_condition().prop_filter_map("how things stand", |one| {
        let is_denied = !one.is_about_events() && !one.is_about_commands();
        is_denied.then(|| Condition::Not(Box::new(one)))
    });
    let all = prop::collection::vec(one_condition(), 2..4)
        .prop_filter("of the cluster", |all| !all.iter().any(Condition::is_about_commands));
    prop_oneof![4 => one_condition(), 1 => denied, 1 => all.prop_map(Condition::All)].boxed()
}

fn one_condition() -> BoxedStrategy<Condition> {
    let pair = || prop::option::of((amf(), amf()));
    prop_oneof![
        (amf(), block(), one(&LineState::ALL)).prop_map(|(a, b, s)| Condition::State(a, b, s)),
        (amf(), block(), mode()).prop_map(|(a, b, m)| Condition::Lock(a, b, m)),
        (one(&MsgKind::ALL), pair()).prop_map(|(k, p)| Condition::Sent(k, p)),
        (one(&MsgKind::ALL), pair()).prop_map(|(k, p)| Condition::Delivered(k, p)),
        (one(Rule::ALL), amf()).prop_map(|(r, a)| Condition::Applied(r, a)),
        (disk(), block()).prop_map(|(d, b)| Condition::Written(d, b)),
        (amf(), block()).prop_map(|(a, b)| Condition::Replicated(a, b)),
        any::<u32>().prop_map(Condition::View),
        Just(Condition::Idle),
        Just(Condition::Violation),
    ]
    .boxed()
}

fn expectation() -> BoxedStrategy<Expectation> {
    let source = prop_oneof![
        Just(Source::Cache),
        Just(Source::Host),
        amf().prop_map(Source::Amf),
        disk().prop_map(Source::Disk)
    ];
    let outcome = prop_oneof![
        Just(Outcome::Ok),
        Just(Outcome::Pending),
        one(&HostError::ALL).prop_map(Outcome::Error)
    ];
    prop_oneof![
        (amf(), block(), one(&LineState::ALL)).prop_map(|(a, b, s)| Expectation::State(a, b, s)),
        (amf(), block(), value()).prop_map(|(a, b, v)| Expectation::Value(a, b, v)),
        source.prop_map(Expectation::Source),
        (one(&MsgKind::ALL), any::<u64>()).prop_map(|(k, n)| Expectation::Messages(k, n)),
        any::<u64>().prop_map(Expectation::Broadcasts),
        (amf(), block(), mode()).prop_map(|(a, b, m)| Expectation::Lock(a, b, m)),
        (label(), outcome).prop_map(|(l, o)| Expectation::Result(l, o)),
        one(&HostError::ALL).prop_map(Expectation::Error),
        any::<u64>().prop_map(Expectation::Violations),
    ]
    .boxed()
}

fn release() -> impl Strategy<Value = Release> {
    prop_oneof![
        (1u32..1_000_000).prop_map(Release::Oldest),
        pair().prop_map(|(a, b)| Release::Pair(a, b)),
        (pair(), 1u32..1_000).prop_map(|((a, b), nth)| Release::Nth(a, b, nth)),
        any::<u64>().prop_map(Release::Id)
    ]
}

fn setting() -> impl Strategy<Value = LinkSetting> {
    prop_oneof![
        (0u32..=1_000_000).prop_map(LinkSetting::Drop),
        (0u32..=1_000_000).prop_map(LinkSetting::Duplicate),
        span().prop_map(LinkSetting::Delay),
        Just(LinkSetting::Reorder),
        Just(LinkSetting::Clear)
    ]
}

/// Each node on the side that its number says; empty sides are left out.
fn sides() -> impl Strategy<Value = Vec<Vec<NodeId>>> {
    prop::collection::vec(0usize..3, 6).prop_map(|places| {
        let nodes = (0..4).map(|id| NodeId::Amf(AmfId(id)));
        let nodes: Vec<NodeId> = nodes.chain([NodeId::Witness, NodeId::Disk(DiskId(1))]).collect();
        let mut sides = vec![Vec::new(); 3];
        for (node, place) in nodes.into_iter().zip(places) {
            sides[place].push(node);
        }
        sides.retain(|side: &Vec<NodeId>| !side.is_empty());
        sides
    })
}

/// The parts are boxed: nested as they are, their trees of values are too large for a stack that nobody optimises.
fn command() -> BoxedStrategy<Command> {
    let filter = (prop::option::of(one(&MsgKind::ALL)), prop::option::of(pair()))
        .prop_map(|(kind, pair)| HoldFilter { kind, pair });
    let target = prop_oneof![Just(Target::All), amf().prop_map(Target::One)];
    let first = prop_oneof![
        host().prop_map(Command::Host),
        (label(), host()).prop_map(|(l, h)| Command::Start(l, h)),
        label().prop_map(Command::Await),
        target.prop_map(Action::Destage).prop_map(Command::Act),
        (amf(), prop::option::of(block())).prop_map(|(a, b)| Command::Act(Action::Evict(a, b))),
        one(&[Action::Crash, Action::Restart, Action::Pause, Action::Resume, Action::ExpireLease])
            .prop_flat_map(|make| amf().prop_map(make))
            .prop_map(Command::Act),
        sides().prop_map(Action::Partition).prop_map(Command::Act),
        (pair(), setting()).prop_map(|((a, b), s)| Command::Act(Action::Link(a, b, s))),
    ];
    let second = prop_oneof![
        one(&[Action::FailDisk, Action::ReplaceDisk])
            .prop_flat_map(|make| disk().prop_map(make))
            .prop_map(Command::Act),
        (disk(), span()).prop_map(|(d, s)| Command::Act(Action::SlowDisk(d, s))),
        one(&[
            Command::Act(Action::Heal),
            Command::Settle,
            Command::Audit,
            Command::Act(Action::Scrub)
        ]),
        (disk(), block()).prop_map(|(d, b)| Command::Act(Action::Corrupt(d, b))),
        any::<bool>().prop_map(Action::Witness).prop_map(Command::Act),
        (one(&Defect::ALL), any::<bool>()).prop_map(|(d, on)| Command::Act(Action::Defect(d, on))),
        one(&Protocol::ALL).prop_map(Action::Protocol).prop_map(Command::Act),
        any::<bool>().prop_map(|start| Command::Workload(start, "gentle".to_owned())),
        (any::<bool>(), filter).prop_map(|(on, f)| {
            Command::Act(if on { Action::Hold(f) } else { Action::Unhold(f) })
        }),
        one(&[Action::Deliver, Action::Lose, Action::Repeat])
            .prop_flat_map(|make| release().prop_map(make))
            .prop_map(Command::Act),
    ];
    let third = prop_oneof![
        (1u32..1_000_000).prop_map(Action::Step).prop_map(Command::Act),
        (1u32..=1_000).prop_map(Action::Tempo).prop_map(Command::Act),
        (condition(), prop::option::of(span())).prop_map(|(c, s)| Command::RunUntil(c, s)),
        span().prop_map(Command::Wait),
        (amf(), block()).prop_map(|(a, b)| Command::Why(a, b)),
        "\\PC{0,30}".prop_map(Command::Note),
        expectation().prop_map(Command::Expect),
    ];
    prop_oneof![first.boxed(), second.boxed(), third.boxed()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back_unchanged(command in command()) {
        let text = command.to_string();
        let parsed = parse_command(&text, &limits());
        prop_assert_eq!(parsed, Ok(command), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse_command(&text, &limits());
        let _ = parse_script(&text, "s", &limits());
        for cursor in 0..=text.len() {
            let _ = registry::complete(&text, cursor, &limits());
        }
    }

    #[test]
    fn no_mangled_command_makes_the_parser_panic(command in command(), at in 0usize..80, c in any::<char>()) {
        let mut chars: Vec<char> = command.to_string().chars().collect();
        let at = at % (chars.len() + 1);
        chars.insert(at, c);
        let text: String = chars.into_iter().collect();
        let _ = parse_command(&text, &limits());
    }
}
