//! The file with the progress: whole, versioned, and never a reason to stop.

use amflab::lesson::{Kept, Progress, ProgressTrouble, Score};
use std::fs;

fn score(points: u32) -> Score {
    Score { points, of: 10, done: 2, tasks: 2, right: 1, questions: 2, hints: 0 }
}

#[test]
fn the_best_attempt_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/er/progress.toml");
    let (mut progress, trouble) = Progress::load(&path);
    assert_eq!((progress.of("a"), trouble), (None, None));
    for points in [7, 9, 3] {
        progress.ended("a", &score(points)).expect("written");
    }
    let (again, trouble) = Progress::load(&path);
    assert_eq!(trouble, None);
    assert_eq!(again.of("a"), Some(Kept { passed: true, points: 9, of: 10, attempts: 3 }));
    assert_eq!((again.of("b"), again.passed()), (None, 1));
    let names: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("there").collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
}

#[test]
fn a_damaged_file_is_put_aside_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("progress.toml");
    for text in ["version = 1\n[lessons.a]\npassed = 7\n", "what is this", "\u{0}\u{1}"] {
        fs::write(&path, text).expect("written");
        let (mut progress, trouble) = Progress::load(&path);
        let trouble = trouble.expect("it is said");
        assert!(matches!(trouble, ProgressTrouble::Damaged { .. }), "{trouble}");
        let said = trouble.to_string();
        assert!(said.contains("progress.toml:") && said.contains("hint:"), "{said}");
        assert_eq!(fs::read_to_string(&path).expect("still there"), text);
        progress.ended("a", &score(5)).expect("written");
        let aside = folder.path().join("progress.toml.damaged");
        assert_eq!(fs::read_to_string(aside).expect("put aside"), text);
        assert_eq!(Progress::load(&path).0.of("a").expect("kept").points, 5);
    }
}

#[test]
fn a_newer_file_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("progress.toml");
    let text = "version = 2\nsomething = \"else\"\n";
    fs::write(&path, text).expect("written");
    let (mut progress, trouble) = Progress::load(&path);
    assert!(matches!(trouble, Some(ProgressTrouble::Newer { version: 2, .. })), "{trouble:?}");
    progress.ended("a", &score(5)).expect("remembered");
    assert_eq!(progress.of("a").expect("remembered").points, 5);
    assert_eq!(fs::read_to_string(&path).expect("there"), text);
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (progress, trouble) = Progress::load(folder.path());
    assert!(matches!(trouble, Some(ProgressTrouble::Unreadable { .. })), "{trouble:?}");
    assert_eq!(progress, Progress::nowhere());
}
