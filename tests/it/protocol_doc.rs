//! docs/PROTOCOL.md cannot lie: what it names exists, and its list of rules is the program's.

use amflab::protocol::Rule;
use std::fmt::Write as _;
use std::path::Path;

const DOC: &str = include_str!("../../docs/PROTOCOL.md");

/// The words in backticks of a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[test]
fn every_item_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    for line in DOC.lines().filter(|l| l.starts_with("- where: ") || l.starts_with("- test: ")) {
        let words = quoted(line);
        let (file, items) = words.split_first().expect("a file");
        let text = std::fs::read_to_string(root.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        for item in items {
            named += 1;
            assert!(has_word(&text, item), "docs/PROTOCOL.md names `{item}`, not in {file}");
        }
    }
    assert!(named > 60, "the map names items: {named}");
}

/// Every claim and every marked rule that is built has its block.
#[test]
fn every_claim_and_marked_rule_has_its_block() {
    let heads: Vec<&str> = DOC.lines().filter(|line| line.starts_with("### ")).collect();
    let told = |word: &str| heads.iter().any(|head| has_word(head, word));
    for claim in 1..=14 {
        assert!(told(&claim.to_string()), "no block for claim {claim}");
    }
    let marks = "H1 H2 H3 H4 H5 H6 H7 T1 T2 T3 L1 L2 L3 M1 M2 M3 M4 M5 M6 M8 M9 D1 D2 D3 D4 J1 R1 R2 R3 R4 R5 R6";
    for mark in marks.split(' ') {
        assert!(told(mark), "no block for {mark}");
    }
}

#[test]
fn the_list_of_rules_is_the_programs() {
    let mut rules = String::new();
    for rule in Rule::ALL {
        let (id, section, sentence) = (rule.id(), rule.section(), rule.sentence());
        writeln!(rules, "- `{id}` ({section}): {sentence}").expect("a string");
    }
    let from = DOC.find("<!-- rules").expect("the list begins");
    let list = &DOC[from..];
    let list = &list[list.find('\n').expect("a line") + 1..];
    let list = &list[..list.find("<!-- end of rules -->").expect("the list ends")];
    assert_eq!(list, rules, "docs/PROTOCOL.md lists `Rule::ALL`");
}
