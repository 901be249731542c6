//! Where docs/PROTOCOL.md tells of a rule, and where its code is: looked up in the document itself.

use crate::protocol::Rule;

const DOC: &str = include_str!("../../docs/PROTOCOL.md");

/// A block of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its heading.
    pub heading: &'static str,
    /// The first file and item that it names, as the document writes them.
    pub code: &'static str,
}

/// The block of the mark, or else of the claim, that a rule names.
#[must_use]
pub fn place(rule: Rule) -> Option<Place> {
    let section = rule.section();
    let marks = section.split(['[', ']']).skip(1).step_by(2);
    let marks = marks.flat_map(|marks| marks.split([',', ' ']));
    let claims = section.split_once("claim").map_or("", |(_, claims)| claims);
    let claims = claims.split(|c: char| !c.is_ascii_digit());
    let mut names = marks.chain(claims).filter(|name| !name.is_empty());
    names.find_map(block)
}

fn block(name: &str) -> Option<Place> {
    let has = |heading: &str| {
        let mut words = heading.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word == name)
    };
    let mut blocks = DOC.split("\n### ").skip(1);
    let text = blocks.find(|text| text.lines().next().is_some_and(|line| has(title(line))))?;
    let code = text.lines().find_map(|line| line.strip_prefix("- where: "))?;
    Some(Place { heading: text.lines().next()?, code })
}

/// What stands before the colon of a heading: its marks, or the claims.
fn title(heading: &str) -> &str {
    heading.split(':').next().unwrap_or(heading)
}
