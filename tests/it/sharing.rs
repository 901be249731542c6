//! What each access and each sharing pattern makes, seeded and to the request; when a driver lets it go.

use amflab::profile::{self, Profile, Schedule};
use amflab::protocol::id::{AmfId, AmfSet, Instant};
use amflab::protocol::{RequestKind, Sectors};
use amflab::workload::{Fetch, Generator, Next, Planned, Source};
use std::collections::{BTreeMap, BTreeSet};

const MS: u64 = 1_000_000;

fn profile(workload: &str) -> Profile {
    let text = format!("[volume]\nsize = \"4MiB\"\n[[workload]]\nname = \"w\"\n{workload}");
    profile::parse("test", "test.toml", &text, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn generator(profile: &Profile) -> Generator {
    Generator::new(&profile.workloads[0], &profile.config, 3, 7)
}

/// AMF, `r`, `w` or `f`, and first sector.
fn told(planned: &Planned) -> (u8, char, u64) {
    let (sign, first) = match &planned.kind {
        RequestKind::Read(sectors) => ('r', sectors.first),
        RequestKind::Write(sectors, _) => ('w', sectors.first),
        RequestKind::WriteFua(sectors, _) => ('d', sectors.first),
        RequestKind::Flush => ('f', 0),
        other => panic!("a generator does not ask {other:?}"),
    };
    (planned.amf.0, sign, first)
}

fn take(workload: &str, count: usize) -> Vec<(u8, char, u64)> {
    generator(&profile(workload)).take(count).map(|planned| told(&planned)).collect()
}

/// The blocks that amf0 alone is asked, in order.
fn blocks(workload: &str, count: usize) -> Vec<u64> {
    let all = take(&format!("amfs = [0]\n{workload}"), count);
    all.into_iter().map(|(_, _, first)| first / 8).collect()
}

#[test]
fn stride_touches_every_block_once_in_a_round() {
    let stride = "access = \"stride\"\nstride = 3\nworking_set = 8\nfirst_block = 100\n";
    let round: Vec<u64> = [0, 3, 6, 1, 4, 7, 2, 5].map(|block| block + 100).to_vec();
    assert_eq!(blocks(stride, 16), [round.clone(), round].concat());
    let far = "access = \"stride\"\nstride = 100\nworking_set = 3\n";
    assert_eq!(blocks(far, 6), [0, 1, 2, 0, 1, 2], "a stride over the end");
}

#[test]
fn a_sequence_goes_around() {
    let sequence = "access = \"sequence\"\nsequence = [5, 0, 5, 2]\nworking_set = 8\n";
    assert_eq!(blocks(sequence, 6), [5, 0, 5, 2, 5, 0]);
}

#[test]
fn zones_get_their_shares() {
    let zoned = "access = \"zoned\"\nzones = [[0.1, 0.6], [\"30%\", \"30%\"], [0.6, 0.1]]\n\
                 working_set = 100\n";
    let seen = blocks(zoned, 20_000);
    let inside = |range: std::ops::Range<u64>| seen.iter().filter(|b| range.contains(b)).count();
    let shares = [inside(0..10), inside(10..40), inside(40..100)];
    assert_eq!(shares.iter().sum::<usize>(), 20_000);
    for (share, wanted) in shares.into_iter().zip([12_000usize, 6_000, 2_000]) {
        assert!(share.abs_diff(wanted) < 250, "{shares:?}");
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 100, "every block is touched");
}

#[test]
fn latest_writes_the_next_block_and_reads_what_is_newest() {
    let latest = "access = \"latest\"\nread_ratio = 0.5\nworking_set = 50\ntheta = 1.0\n";
    let all = take(&format!("amfs = [0]\n{latest}"), 20_000);
    let mut newest = None;
    let mut ages: BTreeMap<u64, usize> = BTreeMap::new();
    for (_, sign, first) in all {
        let block = first / 8;
        match (sign, newest) {
            ('w', before) => {
                assert_eq!(block, before.map_or(0, |before: u64| (before + 1) % 50));
                newest = Some(block);
            }
            (_, Some(newest)) => *ages.entry((newest + 50 - block) % 50).or_default() += 1,
            (_, None) => {}
        }
    }
    // Harmonic number of 50 is 4.499: the newest gets 22 % of some 10,000 reads, the second half of that.
    assert!((2_050..2_400).contains(&ages[&0]), "{ages:?}");
    assert!((1_000..1_250).contains(&ages[&1]), "{ages:?}");
    // AMFs that share a part write each a block of its own in turn.
    let shared = take("access = \"latest\"\nread_ratio = 0.0\nworking_set = 50\n", 8);
    let written: Vec<u64> = shared.iter().map(|(_, _, first)| first / 8).collect();
    assert_eq!(written, [0, 1, 2, 3, 4, 5, 6, 7]);
}

/// Blocks that each AMF reads, and that it writes.
fn used(workload: &str, count: usize) -> BTreeMap<(u8, char), BTreeSet<u64>> {
    let mut used: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
    for (amf, sign, first) in take(workload, count) {
        used.entry((amf, sign)).or_default().insert(first / 8);
    }
    used
}

#[test]
fn private_blocks_are_used_by_one_amf_each() {
    let used = used("sharing = \"private\"\nworking_set = 40\n", 8_000);
    for amf in 0..4u8 {
        let own: BTreeSet<u64> = (u64::from(amf) * 10..u64::from(amf) * 10 + 10).collect();
        assert_eq!((&used[&(amf, 'r')], &used[&(amf, 'w')]), (&own, &own), "amf{amf}");
    }
}

#[test]
fn read_shared_blocks_have_one_writer_a_group() {
    let used = used("sharing = \"read_shared\"\nsharing_degree = 2\nworking_set = 20\n", 8_000);
    let writers: Vec<u8> = used.keys().filter(|(_, s)| *s == 'w').map(|(amf, _)| *amf).collect();
    assert_eq!(writers, [0, 2]);
    assert_eq!(used[&(1, 'r')], (0..10).collect());
    assert_eq!(used[&(3, 'r')], (10..20).collect());
}

#[test]
fn consumers_read_what_the_producer_wrote_and_never_before() {
    let made = take("sharing = \"producer_consumer\"\nworking_set = 16\n", 4_000);
    let of = |amf: u8| -> Vec<u64> {
        made.iter().filter(|(of, ..)| *of == amf).map(|(.., first)| *first).collect()
    };
    assert!(made.iter().all(|(amf, sign, _)| (*sign == 'w') == (*amf == 0)));
    for consumer in 1..4 {
        assert_eq!(of(consumer), of(0), "the same blocks in the same order");
    }
    // A producer that has not been answered keeps its consumers waiting.
    let profile = profile("sharing = \"producer_consumer\"\nworking_set = 16\n");
    let mut source = generator(&profile);
    let all: AmfSet = (0..4).map(AmfId).collect();
    let others: AmfSet = (1..4).map(AmfId).collect();
    assert!(matches!(source.next_for(all), Fetch::Request(planned) if planned.amf == AmfId(0)));
    assert_eq!(source.next_for(others), Fetch::Blocked);
    source.on_answer(AmfId(0));
    let next = source.next_for(others);
    assert!(matches!(next, Fetch::Request(planned) if planned.amf == AmfId(1)));
}

#[test]
fn migratory_blocks_pass_from_one_amf_to_the_next() {
    let made = take(
        "sharing = \"migratory\"\naccess = \"sequence\"\nsequence = [2]\nworking_set = 3\n\
                     amfs = [0, 1]\n",
        8,
    );
    // Two visits may be under way, each of an AMF of its own: it reads, then writes, and the second AMF
    // never begins a visit before the first has ended the same.
    for amf in [0, 1] {
        let of: Vec<_> = made.iter().filter(|made| made.0 == amf).collect();
        assert!(of.len() >= 3, "{made:?}");
        assert!(
            of.iter().zip("rwrwrwrw".chars()).all(|(made, sign)| (made.1, made.2) == (sign, 16))
        );
    }
    let at = |wanted: (u8, char), nth: usize| {
        let all = made.iter().enumerate().filter(|(_, m)| (m.0, m.1) == wanted);
        all.map(|(i, _)| i).nth(nth).expect("it is there")
    };
    assert!(at((0, 'w'), 0) < at((1, 'r'), 0));
    assert!(at((0, 'w'), 1) < at((1, 'r'), 1));
}

#[test]
fn ping_pong_is_one_visit_at_a_time() {
    let profile =
        profile::load_with("demo", &[], &["ping-pong".to_owned()]).expect("it is built in");
    let spec = profile.workloads.iter().find(|spec| spec.name == "ping-pong").expect("it is there");
    let all: AmfSet = (0..4).map(AmfId).collect();
    let mut source = Generator::new(spec, &profile.config, 1, 1);
    for round in 0..12u8 {
        for sign in ['r', 'w'] {
            let Fetch::Request(planned) = source.next_for(all) else { panic!("it goes on") };
            assert_eq!(told(&planned), (round % 4, sign, 0));
            assert_eq!(source.next_for(all), Fetch::Blocked, "nobody else while this one is open");
            source.on_answer(planned.amf);
        }
    }
}

#[test]
fn writers_of_the_same_blocks_write_them_in_the_same_order() {
    let made = take("sharing = \"write_write\"\nworking_set = 16\nsharing_degree = 2\n", 400);
    assert!(made.iter().all(|(_, sign, _)| *sign == 'w'));
    let of = |amf: u8| -> Vec<u64> {
        made.iter().filter(|(of, ..)| *of == amf).map(|(.., first)| *first).collect()
    };
    assert_eq!(of(0), of(1));
    assert_eq!(of(2), of(3));
    assert_ne!(of(0), of(2));
}

#[test]
fn false_sharing_is_of_blocks_and_never_of_sectors() {
    let workload = "sharing = \"false_sharing\"\nsizes = \"512B\"\nworking_set = 4\n";
    let mut sectors: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
    let mut blocks: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
    for (amf, _, first) in take(workload, 4_000) {
        sectors.entry(first).or_default().insert(amf);
        blocks.entry(first / 8).or_default().insert(amf);
    }
    assert_eq!(sectors.len(), 32, "every sector is somebody's");
    assert!(sectors.values().all(|users| users.len() == 1));
    assert!(blocks.values().all(|users| users.len() == 4));
    // In blocks of one sector the same requests share nothing.
    let text = "[volume]\nsize = \"4MiB\"\nblock_size = 512\n[[workload]]\nname = \"w\"\n\
                sharing = \"false_sharing\"\nsizes = \"512B\"\nworking_set = \"16KiB\"\n";
    let small = profile::parse("test", "test.toml", text, &[]).expect("a good profile");
    let mut users: BTreeMap<u64, BTreeSet<u8>> = BTreeMap::new();
    for planned in generator(&small).take(4_000) {
        let (amf, _, first) = told(&planned);
        users.entry(first).or_default().insert(amf);
    }
    assert_eq!(users, sectors);
}

#[test]
fn what_is_modified_is_read_first_and_what_must_be_durable_is_flushed_or_fua() {
    let made = take("amfs = [0]\nread_ratio = 0.0\nrmw_ratio = 1.0\nflush_every = 2\n", 10);
    let signs: String = made.iter().map(|(_, sign, _)| *sign).collect();
    assert_eq!(signs, "rwrwfrwrwf");
    assert!(made.iter().zip(&made[1..]).all(|(a, b)| (a.1, b.1) != ('r', 'w') || a.2 == b.2));
    let made = take("amfs = [0]\nread_ratio = 0.0\nfua_ratio = 1.0\n", 4);
    assert_eq!(made.iter().map(|(_, sign, _)| *sign).collect::<String>(), "dddd");
    let some = take("amfs = [0]\nread_ratio = 0.0\nfua_ratio = 0.25\n", 10_000);
    let durable = some.iter().filter(|(_, sign, _)| *sign == 'd').count();
    assert!((2_350..2_650).contains(&durable), "a quarter of all: {durable}");
}

#[test]
fn poisson_arrivals_keep_the_rate_and_vary() {
    let profile = profile("rate = 1000\narrivals = \"poisson\"\n");
    let at: Vec<u64> =
        generator(&profile).take(20_001).map(|planned| planned.at.expect("a time").0).collect();
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = at[20_000] / 20_000;
    assert!(mean.abs_diff(MS) < MS / 50, "{mean}");
    // Exponential: 1 - 1/e of the gaps are below the mean.
    let below = gaps.iter().filter(|gap| **gap < MS).count();
    assert!(below.abs_diff(12_642) < 250, "{below}");
}

#[test]
fn a_split_gives_each_amf_the_same_whoever_is_faster() {
    let profile = profile("working_set = 64\nsharing_degree = 2\n");
    let asked = |order: &mut dyn FnMut(usize) -> AmfSet| {
        let mut source = generator(&profile).split_evenly(102);
        let mut asked: BTreeMap<AmfId, Vec<(u8, char, u64)>> = BTreeMap::new();
        for turn in 0.. {
            match source.next_for(order(turn)) {
                Fetch::Request(planned) => {
                    asked.entry(planned.amf).or_default().push(told(&planned));
                    source.on_answer(planned.amf);
                }
                Fetch::Blocked => {}
                Fetch::End => break,
            }
        }
        asked
    };
    let even = asked(&mut |_| (0..4).map(AmfId).collect());
    let uneven = asked(&mut |turn| AmfSet::only(AmfId([3, 3, 0, 3, 1, 3, 3, 2][turn % 8])));
    assert_eq!(even.values().map(Vec::len).collect::<Vec<_>>(), [26, 26, 25, 25]);
    assert_eq!(even, uneven);
}

// ---- when

/// When each of the first `count` requests goes, in milliseconds, each answered at once.
fn times(workload: &str, count: usize) -> Vec<u64> {
    let profile = profile(workload);
    let spec = &profile.workloads[0];
    let mut driver = Generator::driver(spec, &profile.config, 1, 1, Instant(0));
    let (mut now, mut times) = (Instant(0), Vec::new());
    while times.len() < count {
        match driver.poll(now) {
            Next::Submit(planned) => {
                times.push(now.0 / MS);
                driver.on_completion(planned.amf, now);
            }
            Next::WaitUntil(at) => {
                assert!(at > now, "time goes on");
                now = at;
            }
            Next::WaitCompletion => panic!("everything was answered"),
            Next::Done => break,
        }
    }
    times
}

#[test]
fn a_host_thinks_between_an_answer_and_its_next_request() {
    let thinking = "amfs = [0]\nthink_us = \"5ms\"\nqueue_depth = 2\n";
    assert_eq!(times(thinking, 6), [0, 0, 5, 5, 10, 10]);
}

#[test]
fn bursts_have_pauses_between_them() {
    let burst = "amfs = [0]\nthink_us = \"4ms\"\nburst_ms = 10\npause_ms = 90\n";
    assert_eq!(times(burst, 8), [0, 4, 8, 100, 104, 108, 200, 204]);
    let timed = "rate = 250\nburst_ms = 10\npause_ms = 90\n";
    // 4 ms apart on a clock that stands still in the pauses.
    assert_eq!(times(timed, 7), [0, 4, 8, 102, 106, 200, 204]);
}

#[test]
fn a_workload_starts_late_and_ends_in_time() {
    let workload = "amfs = [0]\nthink_us = \"10ms\"\nstart = \"1s\"\nduration = \"35ms\"\n";
    assert_eq!(times(workload, 100), [1000, 1010, 1020, 1030]);
}

// ---- what goes wrong when

#[test]
fn a_schedule_repeats_takes_turns_and_ends_what_it_began() {
    let text = "[[fault]]\nat = 1\nevery = 10\nkind = \"crash\"\ntarget = \"amf0, amf2\"\nstability = 2\n\
                [[fault]]\nat = 3\nkind = \"partition\"\ntarget = \"amf1\"\nheal = \"never\"\n\
                [[fault]]\nat = 4\ncommand = \"slow disk0 5ms\"\nheal = \"slow disk0 0ms\"\n";
    let profile = profile::parse("test", "test.toml", text, &[]).expect("a good profile");
    let mut schedule = Schedule::new(&profile, Instant(0));
    let mut told = Vec::new();
    while schedule.next() <= Instant(14_000 * MS) {
        assert!(!schedule.is_over() || told.len() >= 5, "single faults are still to come");
        let now = schedule.next();
        let command = schedule.take(now).expect("it is due");
        told.push(format!("{} {command}", now.0 / MS));
    }
    let wanted = [
        "1000 crash amf0",
        "3000 restart amf0",
        "3000 partition amf1 | amf0 amf2 amf3",
        "4000 slow disk0 5ms",
        "5000 slow disk0 0ms",
        "11000 crash amf2",
        "13000 restart amf2",
    ];
    assert_eq!(told, wanted);
    assert!(schedule.is_over(), "what repeats keeps nobody waiting");
    assert_eq!(schedule.take(Instant(20_000 * MS)), None);
    let _ = schedule.take(Instant(21_000 * MS));
    let left: Vec<String> = schedule.heal().iter().map(ToString::to_string).collect();
    assert_eq!(left, ["restart amf0"], "what has begun is ended at the end");
    assert_eq!(schedule.next(), Instant::NEVER);
}

#[test]
fn any_is_drawn_by_the_seed() {
    let text = "[[fault]]\nevery = 10\nkind = \"pause\"\ntarget = \"any\"\n";
    let drawn = |seed: u64| {
        let mut profile = profile::parse("test", "test.toml", text, &[]).expect("a good profile");
        profile.seed = seed;
        let mut schedule = Schedule::new(&profile, Instant(0));
        let commands = (0..40).filter_map(|_| schedule.take(schedule.next()));
        commands.map(|command| command.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    let paused: BTreeSet<String> =
        drawn(1).into_iter().filter(|text| text.starts_with("pause")).collect();
    assert_eq!(paused.len(), 4, "everybody's turn comes: {paused:?}");
}

// ---- what is built in

#[test]
fn every_built_in_workload_fits_the_demo_and_survives_a_round_trip() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/workloads"));
    let mut files: Vec<String> = files
        .expect("the folder is there")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut names = profile::workload_names();
    names.sort_unstable();
    assert_eq!(files, names);
    for name in names {
        let text = profile::workload_text(name).expect("it is built in");
        assert!(text.starts_with("# "), "{name} opens with what it is");
        let profile = profile::load_with("demo", &[], &[name.to_owned()]);
        let profile = profile.unwrap_or_else(|error| panic!("{error}"));
        assert!(profile.workloads.iter().any(|spec| spec.name == name), "{name}");
        let shown = profile::to_toml(&profile);
        let again = profile::parse("demo", "effective", &shown, &[]);
        assert_eq!(again.as_ref(), Ok(&profile), "{shown}");
        for spec in &profile.workloads {
            let made = Generator::new(spec, &profile.config, 1, 1).take(500).count();
            assert_eq!(made, 500, "{}", spec.name);
        }
    }
}

#[test]
fn a_workload_that_does_not_exist_or_fit_says_so() {
    let refusal = |base: &str, name: &str| {
        profile::load_with(base, &[], &[name.to_owned()]).expect_err("a bad one").to_string()
    };
    let error = refusal("demo", "ycsb-e");
    assert!(error.starts_with("built-in demo: there is no workload `ycsb-e`"), "{error}");
    assert!(error.contains("hint: did you mean `ycsb-"), "{error}");
    let error = refusal("claims", "ycsb-a");
    assert!(error.starts_with("built-in workload ycsb-a:8: workload["), "{error}");
    let error = refusal("demo", "./no/such.toml");
    assert!(error.starts_with("./no/such.toml: cannot be opened"), "{error}");
    let sets = ["workload.ycsb-a.read_ratio=0.1".to_owned()];
    let profile = profile::load_with("demo", &sets, &["ycsb-a".to_owned()]).expect("a good one");
    let spec = profile.workloads.iter().find(|spec| spec.name == "ycsb-a").expect("it is there");
    assert!((spec.read_ratio - 0.1).abs() < 1e-9, "overrides reach it");
}

#[test]
fn sectors_of_a_request_stay_in_the_working_set_under_every_pattern() {
    let accesses = [
        "access = \"uniform\"",
        "access = \"zipf\"",
        "access = \"sequential\"",
        "access = \"hotspot\"",
        "access = \"stride\"\nstride = 7",
        "access = \"zoned\"\nzones = [[0.5, 0.9], [0.5, 0.1]]",
        "access = \"sequence\"\nsequence = [1, 0, 2]",
    ];
    for access in accesses {
        for sharing in ["mixed", "private", "read_shared", "producer_consumer", "migratory"]
            .into_iter()
            .chain(["write_write", "false_sharing"])
        {
            let sizes =
                if sharing == "false_sharing" { "\"1KiB\"" } else { "[\"1KiB\", \"12KiB\"]" };
            let text = format!(
                "{access}\nsharing = \"{sharing}\"\nsizes = {sizes}\nworking_set = 40\nfirst_block = 9\n"
            );
            for planned in generator(&profile(&text)).take(500) {
                let (RequestKind::Read(sectors) | RequestKind::Write(sectors, _)) = planned.kind
                else {
                    panic!("{planned:?}")
                };
                let Sectors { first, count } = sectors;
                let inside = first >= 72 && first + u64::from(count) <= 49 * 8;
                assert!(inside, "{access}, {sharing}: {sectors:?}");
            }
        }
    }
}
