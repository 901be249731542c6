//! Panics while the console has the terminal. The program has none to show, so that the console runs
//! over a fake cluster in a child of this test binary; everything else is in `real`.

use super::engine::{FakeEngine, is_caught};
use super::fake;
use super::pty::{Console, assert_given_back};
use amflab::tui::{ConsoleOptions, Outside, run};
use portable_pty::CommandBuilder;
use std::sync::Arc;

/// The console in a child process of this test binary.
#[test]
#[ignore = "a child of the tests below, in a terminal of their making"]
fn console_in_a_child() {
    let options = ConsoleOptions::default();
    let outside = Outside {
        open: Arc::new(|_, _| Err("no trace here".to_owned())),
        foresee: Arc::new(|_, _, _| Err("no futures here".to_owned())),
        fork: Arc::new(|_, _, _| Err("no fork here".to_owned())),
        beside: Arc::new(|_| Err("no two clusters here".to_owned())),
        is_caught,
    };
    run(Box::new(FakeEngine::new()), &fake::profile(), &options, outside, None).unwrap();
}

fn child() -> Console {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    let name = format!("{}::console_in_a_child", module_path!().split_once("::").unwrap().1);
    command.args(["--ignored", "--exact", &name, "--nocapture"]);
    Console::start(command, 100, 30)
}

#[test]
fn a_panic_is_readable_and_leaves_a_sane_terminal() {
    let mut console = child();
    console.until_text("Dashboard");
    console.type_keys(":witness down\r");
    let (fine, raw) = console.ends();
    assert!(!fine);
    assert_given_back(&raw);
    let said = raw.rfind("as the test wants").expect("the panic's message is shown");
    assert!(said > raw.find("\x1b[?1049l").unwrap(), "after the terminal was given back");
}

#[test]
fn a_panic_that_is_caught_leaves_the_screen_alone() {
    let mut console = child();
    console.until_text("Dashboard");
    console.type_keys(":witness up\r");
    // It is an error like any other, told where errors are told.
    console.until_text("the database gave up");
    console.type_keys("4");
    console.until_text("Active faults");
    console.type_keys(":q!\r");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
    assert_eq!(raw.matches("\x1b[?1049l").count(), 1, "given back once, at the end");
    assert!(!raw.contains("caught, as the test wants"), "nothing is printed over the screen");
}

#[test]
fn a_trace_that_cannot_be_opened_is_told() {
    let mut console = child();
    console.until_text("Dashboard");
    console.type_keys(":replay nowhere.csv\r");
    console.until_text("no trace here");
    console.type_keys(":q!\r");
    assert!(console.ends().0);
}
