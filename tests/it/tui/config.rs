//! The config file: what it says, what is wrong with it, and that nothing in it makes the program stumble.

use amflab::profile::Place;
use amflab::tui::command::ENTRIES;
use amflab::tui::config::{Ascii, Config, parse, print};
use amflab::tui::keymap::Keymap;
use proptest::prelude::*;

fn problems(text: &str) -> Vec<String> {
    let error = parse("c.toml", text).expect_err("it is wrong");
    assert!(!error.problems.is_empty());
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_says_what_holds_by_default() {
    let config = parse("c.toml", "").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!((config.theme, config.ascii), ("terminal-16", Ascii::Auto));
    assert_eq!((config.tempo, config.frames, config.mouse), (1_000, 30, true));
}

#[test]
fn every_setting_is_read() {
    let text = "[console]\ntheme = \"light\"\nascii = \"never\"\nmouse = false\nhint = false\n\
                layout = \"mine\"\ntempo = 0.1\nframes = 10\n\
                [keys]\nzoom = \"ctrl-f\"\nquit = [\"ctrl-q\", \"alt-x q\"]\nnext-theme = []\n";
    let config = parse("c.toml", text).unwrap();
    assert_eq!((config.theme, config.ascii), ("light", Ascii::Never));
    assert_eq!((config.mouse, config.hint, config.layout.as_str()), (false, false, "mine"));
    assert_eq!((config.tempo, config.frames), (100, 10));
    let mut map = Keymap::default();
    config.keys.iter().for_each(|change| map.rebind(change));
    let keys = |name: &str| -> Vec<String> {
        let entry = ENTRIES.iter().find(|entry| entry.name == name).unwrap();
        map.keys_of(entry).map(ToString::to_string).collect()
    };
    assert_eq!(keys("zoom"), ["ctrl-f"]);
    assert_eq!(keys("quit"), ["ctrl-q", "alt-x q"]);
    assert_eq!(keys("next-theme"), Vec::<String>::new());
}

#[test]
fn mistakes_are_told_with_their_line_and_what_is_allowed() {
    for (text, said) in [
        ("[console]\nthem = \"dark\"", "c.toml:2: console.them: there is no such key"),
        ("[console]\nthem = \"dark\"", "hint: did you mean `theme`?"),
        ("[console]\ntheme = \"drak\"", "hint: did you mean `dark`?"),
        ("[console]\n\nframes = 0", "c.toml:3: console.frames: `0` is out of range"),
        ("[console]\ntempo = 2.0", "console.tempo: `2` is out of range; allowed: 0.001 to 1"),
        ("[console]\nmouse = 1", "c.toml:2: console.mouse: `1` is not true or false"),
        ("theme = \"dark\"", "c.toml:1: theme: stands in no section"),
        ("theme = \"dark\"", "hint: write [console] above it"),
        ("[consle]\n", "hint: did you mean [console]?"),
        (
            "[keys]\nzom = \"x\"",
            "c.toml:2: keys.zom: there is no such action\n  hint: did you mean",
        ),
        ("[keys]\nzoom = 3", "keys.zoom: is neither a key nor a list of keys"),
        ("[keys]\nzoom = \"hyper-x\"", "`hyper-x` is no key"),
        ("[keys]\nzoom = \"a esc\"", "`esc` leaves a sequence"),
        (
            "[keys]\nquit = []\nzoom = \"G\"",
            "c.toml:3: keys.zoom: `G` of `zoom` hides `G b` of `goto`",
        ),
        (
            "[keys]\nzoom = \"r\"",
            "hint: give `ask-read` another key as well, or none: ask-read = []",
        ),
        ("[console\n", "c.toml:1: this is no TOML"),
    ] {
        let all = problems(text);
        assert!(all.iter().any(|problem| problem.contains(said)), "{said}: {all:?}");
    }
    // All of them are told at once.
    assert_eq!(problems("[console]\na = 1\nb = 2\n[keys]\nc = 3\n").len(), 3);
}

#[test]
fn two_changes_that_clash_are_put_where_one_of_them_stands() {
    let error =
        parse("c.toml", "[keys]\nzoom = \"ctrl-f\"\nheal-links = \"ctrl-f\"\n").unwrap_err();
    let place = Place::Line { file: "c.toml".to_owned(), line: 2 };
    assert_eq!(error.problems[0].place, place);
}

#[test]
fn the_file_that_is_written_says_what_holds_and_so_do_its_comments() {
    let text = print();
    assert_eq!(parse("c.toml", &text).unwrap(), Config::default());
    // Every action stands in it; without its `# ` a line is a setting.
    let (_, keys) = text.split_once("[keys]\n").unwrap();
    let active: String = keys.lines().flat_map(|line| [&line[2..], "\n"]).collect();
    let config = parse("c.toml", &format!("[keys]\n{active}")).unwrap();
    let mut names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(config.keys.len(), names.len());
    let mut map = Keymap::default();
    config.keys.iter().for_each(|change| map.rebind(change));
    for entry in ENTRIES {
        let keys: Vec<String> = map.keys_of(entry).map(ToString::to_string).collect();
        assert_eq!(keys, entry.keys, "{}", entry.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_stands_in_it_ends_in_words(text in "(\\[(console|keys)\\]\n)?([a-z-]{1,9} = [\\[\\]\"0-9a-z, .-]{0,12}\n){0,4}") {
        if let Err(error) = parse("c.toml", &text) {
            prop_assert!(error.to_string().starts_with("c.toml"));
        }
    }
}
