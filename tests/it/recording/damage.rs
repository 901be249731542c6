//! Whatever happens to the bytes: the tail is lost and the reader says so, or it is no recording and
//! the reader says that; never a panic, never a step that was not written.

use super::{read, recording, steps, write};
use amflab::protocol::id::AmfId;
use amflab::timeline::{Fold, head_of};
use amflab::trace::recording::{RecordingError, Tail};
use amflab::trace::{Control, Step};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[test]
fn a_torn_tail_loses_only_the_tail() {
    let bytes = recording(3, 3_000);
    let whole = read(&bytes);
    let mut lengths = std::collections::BTreeSet::new();
    for cut in (0..bytes.len()).step_by(499) {
        match head_of(&bytes[..cut]) {
            Err(RecordingError::Unusable(..)) => assert_eq!(lengths.len(), 0, "cut at {cut}"),
            Err(other) => panic!("{other}"),
            Ok((mut reader, _)) => {
                let left = steps(&mut reader);
                assert_eq!(left, whole.steps[..left.len()]);
                let Tail::Torn { good, why } = reader.tail() else { panic!("cut at {cut}") };
                assert!(*good <= cut as u64 && !why.is_empty());
                let note = reader.tail().note(reader.steps()).unwrap();
                assert!(note.contains(&format!("after {} steps", left.len())), "{note}");
                lengths.insert(left.len());
            }
        }
    }
    assert!(lengths.len() >= 3, "chunks are shorter than the recording: {lengths:?}");
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let bytes = recording(4, 60);
    let whole = read(&bytes);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..3_000 {
        let mut bad = bytes.clone();
        let bit = rng.random_range(0..bad.len() * 8);
        bad[bit / 8] ^= 1 << (bit % 8);
        let Ok((mut reader, _)) = head_of(bad.as_slice()) else { continue };
        let left = steps(&mut reader);
        assert_eq!(left, whole.steps[..left.len()], "bit {bit}");
        assert!(matches!(reader.tail(), Tail::Torn { .. }), "bit {bit}: {:?}", reader.tail());
    }
}

/// Check sums guard against accidents, not against programs: steps that were never taken are refused
/// one by one, and what a machine cannot stand is caught.
#[test]
fn steps_that_make_no_sense_are_refused_in_words() {
    let whole = read(&recording(5, 40));
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut ended = 0;
    for _ in 0..300 {
        let mut steps = whole.steps.clone();
        let at = rng.random_range(0..steps.len());
        match rng.random_range(0..4) {
            0 => drop(steps.remove(at)),
            1 => steps.swap(at, (at + 1) % whole.steps.len()),
            2 => steps[at].entry.step = Step::Control(Control::Crash(AmfId(63))),
            _ => steps[at].entry.step = Step::Control(Control::Crash(AmfId(0))),
        }
        let read = read(&write(&whole.head, &whole.profile, &steps));
        assert!(read.steps == steps, "what is written comes back");
        let mut fold = Fold::new(&read.profile, &read.head);
        if !read.steps.iter().all(|step| fold.apply(step)) {
            let trouble = fold.trouble().unwrap();
            assert!(trouble.is_end || trouble.expected != trouble.got);
            assert!(!trouble.why.is_empty());
            ended += 1;
        }
    }
    assert!(ended > 100, "{ended}");
}

#[test]
fn what_is_no_recording_is_refused_with_a_hint() {
    let good = recording(6, 10);
    let mut other_format = good.clone();
    other_format[8] = 99;
    let mut other_code = read(&good);
    other_code.head.profile = "[cluster]\nno_such_key = 1\n".to_owned();
    let other_code = write(&other_code.head, &other_code.profile, &other_code.steps);
    for (bytes, word) in [
        (b"".to_vec(), "no recording of amflab"),
        (b"# profile: demo\nread amf0 3\n".to_vec(), "no recording of amflab"),
        (other_format, "format 99"),
        (good[..40].to_vec(), "head"),
        (other_code, "no_such_key"),
    ] {
        let error = head_of(bytes.as_slice()).map(drop).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("hint:"), "{error}");
    }
}
