//! What docs/CONSOLE.md says is what the program has: the table of keys is made from the registry.
//! `AMFLAB_BLESS=1` rewrites it.

use amflab::tui::command::{ENTRIES, Scope};
use amflab::tui::config;
use core::fmt::Write;

const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->";

fn table() -> String {
    let mut out = String::new();
    let mut groups: Vec<&str> = Vec::new();
    for entry in ENTRIES {
        if !groups.contains(&entry.group) {
            groups.push(entry.group);
        }
    }
    let all = groups.iter().flat_map(|group| ENTRIES.iter().filter(move |e| e.group == *group));
    let mut group = "";
    for entry in all {
        if entry.group != group {
            group = entry.group;
            writeln!(out, "\n| {group} | | action |\n|---|---|---|").unwrap();
        }
        let code = |key: &&str| format!("`{}`", key.replace('|', "\\|"));
        let keys: Vec<String> = entry.keys.iter().map(code).collect();
        let place = match entry.scope {
            Scope::Everywhere => String::new(),
            Scope::Panes(panes) => {
                let names: Vec<&str> = panes.iter().map(|pane| pane.title()).collect();
                format!(" ({})", names.join(", "))
            }
        };
        let help = entry.help.replace('|', "\\|").replace('<', "&lt;");
        writeln!(out, "| {} | {help}{place} | {} |", keys.join(" "), entry.name).unwrap();
    }
    out.push('\n');
    out
}

#[test]
fn the_table_of_keys_is_that_of_the_registry() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONSOLE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (told, after) = rest.split_once(END).unwrap();
    let wanted = table();
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert!(told == wanted, "docs/CONSOLE.md has other keys (AMFLAB_BLESS=1 rewrites it)");
}

#[test]
fn every_setting_is_documented_and_the_example_is_sound() {
    let text = include_str!("../../../docs/CONSOLE.md");
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    config::parse("docs/CONSOLE.md", example).unwrap();
    let all = config::print();
    let (settings, _) = all.split_once("[keys]").unwrap();
    let names = settings.lines().filter(|line| !line.starts_with('#'));
    for name in names.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name) {
        assert!(example.contains(&format!("{name} = ")), "{name}");
    }
}
