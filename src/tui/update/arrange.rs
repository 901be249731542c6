//! The layout of the dashboard: what the keys and `:layout` do to it.

use super::super::command::Arrange;
use super::super::model::arrangement::{Arrangement, PANES, SHARE_STEP, pane};
use super::super::model::{Level, Model, Pane, Screen};
use super::Effect;

/// The name of what fits by itself.
const DEFAULT: &str = super::super::config::LAYOUT_DEFAULT;

/// Changes the layout around the pane with the keys.
pub fn arrange(model: &mut Model, how: Arrange) -> Vec<Effect> {
    if model.screen != Screen::Dashboard {
        model.say(Level::Info, "only the dashboard can be arranged; 1 shows it");
        return Vec::new();
    }
    let pane = model.focus();
    match how {
        Arrange::Hide => hide(model, pane),
        Arrange::ShowAll => {
            model.arrangement.hidden.clear();
            model.say(Level::Info, "every pane is shown");
        }
        Arrange::Apart => apart(model, pane),
        Arrange::Taller => model.arrangement.grow(pane, false, SHARE_STEP),
        Arrange::Shorter => model.arrangement.grow(pane, false, -SHARE_STEP),
        Arrange::Wider => model.arrangement.grow(pane, true, SHARE_STEP),
        Arrange::Narrower => model.arrangement.grow(pane, true, -SHARE_STEP),
        Arrange::Reset => {
            model.arrangement = Arrangement::default();
            model.say(Level::Info, "the layout that fits by itself");
        }
    }
    Vec::new()
}

fn hide(model: &mut Model, pane: Pane) {
    if model.arrangement.hide(pane) {
        let text = format!("{} is hidden; `:layout show` or ctrl-w a brings it back", pane.title());
        model.say(Level::Info, text);
    } else {
        model.say(Level::Info, "one pane stays");
    }
}

fn apart(model: &mut Model, pane: Pane) {
    let apart = &mut model.arrangement.apart;
    let is_apart = !apart.remove(&pane) && apart.insert(pane);
    let word = if is_apart { "has a place of its own" } else { "shares a place again" };
    model.say(Level::Info, format!("{} {word}, where panes share one", pane.title()));
}

/// `:layout ...`.
///
/// # Errors
/// What is wrong with it.
pub fn layout(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let (word, name) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = name.trim();
    match (word, name) {
        ("list", "") => Ok(vec![Effect::ListLayouts]),
        ("show", "") => Ok(arrange(model, Arrange::ShowAll)),
        ("save" | "save!" | "hide", "") => Err(format!("`layout {word}` needs a name")),
        ("save" | "save!", name) => {
            named(name)?;
            let text = model.arrangement.text();
            Ok(vec![Effect::SaveLayout(name.to_owned(), text, word == "save!")])
        }
        ("hide", name) => {
            let pane = pane(name)?;
            hide(model, pane);
            Ok(Vec::new())
        }
        ("show", name) => {
            model.arrangement.hidden.remove(&pane(name)?);
            Ok(Vec::new())
        }
        (DEFAULT, "") => Ok(arrange_by_itself(model)),
        (name, "") => {
            named(name)?;
            Ok(vec![Effect::LoadLayout(name.to_owned())])
        }
        _ => Err("write layout NAME, save NAME, hide PANE, show PANE or list".to_owned()),
    }
}

fn arrange_by_itself(model: &mut Model) -> Vec<Effect> {
    model.arrangement = Arrangement::default();
    model.say(Level::Info, "the layout that fits by itself");
    Vec::new()
}

/// A name becomes the name of a file.
fn named(name: &str) -> Result<(), String> {
    if name == DEFAULT || PANES.iter().any(|(_, pane)| *pane == name) {
        return Err(format!("`{name}` has a meaning already; take another name"));
    }
    if crate::profile::value::is_name(name) {
        return Ok(());
    }
    Err(format!("`{name}` is no name: 1 to 40 letters, digits, `-` and `_`"))
}

/// The text of a saved layout has come, or why it has not.
pub fn loaded(model: &mut Model, name: &str, text: Result<String, String>) -> Vec<Effect> {
    let read = text.and_then(|text| {
        Arrangement::parse(name, &text).map_err(|error| error.to_string().replace('\n', "  "))
    });
    match read {
        Ok(arrangement) => {
            model.arrangement = arrangement;
            model.say(Level::Info, format!("layout {name}"));
        }
        Err(error) => model.say(Level::Bad, error),
    }
    Vec::new()
}
