//! A comparison as one self-contained page: the tables, and a bar chart for each figure.

use super::Compared;
use super::cell::{FIGURES, Figure};
use super::table::{Spread, about, groups, remarks, told};
use crate::report::chart;
use crate::report::page::page;
use maud::{Markup, html};

/// Cells up to which figures get charts.
const CHARTS_MAX: usize = 64;

/// The page.
pub(super) fn html(compared: &Compared) -> String {
    let title = format!("amflab: {} compared", compared.profile);
    let remarks = remarks(compared);
    let body = html! {
        h1 { (title) }
        p class="dim" { (about(compared)) }
        pre { (compared.command) }
        @for remark in &remarks { p class="bad" { (remark) } }
        section {
            h2 { "All cells" }
            p class="dim" { "The median of all runs, and how far a run is from it at most." }
            @for (group, figures) in groups(compared) {
                h3 { (group) }
                div class="wide" { (table(compared, &figures)) }
            }
        }
        @if compared.cells.len() <= CHARTS_MAX { (charts(compared)) }
    };
    page(&title, &body)
}

/// The figures of one group: all of them side by side are wider than a screen, or a sheet of paper.
fn table(compared: &Compared, figures: &[(usize, &Figure)]) -> Markup {
    html! {
        table {
            tr {
                @for vary in &compared.vary { th { (vary.key) } }
                @for (_, figure) in figures { th class="n" { (figure.title) } }
            }
            @for (cell, runs) in compared.cells.iter().zip(&compared.runs) {
                tr {
                    @for value in &cell.values { td { (value) } }
                    @for figure in figures { td class="n" { (told(runs, figure)) } }
                }
            }
        }
    }
}

fn charts(compared: &Compared) -> Markup {
    let bars = |at: usize| -> Vec<(String, f64)> {
        let scale = if FIGURES[at].is_ratio { 100.0 } else { 1.0 };
        compared
            .cells
            .iter()
            .zip(&compared.runs)
            .filter_map(|(cell, runs)| {
                let spread = Spread::of(runs, at)?;
                Some((cell.values.join(", "), spread.median * scale))
            })
            .collect()
    };
    let has_any = |at: &usize| bars(*at).iter().any(|(_, value)| *value > 0.0);
    html! {
        @for at in (0..FIGURES.len()).filter(has_any) {
            figure {
                figcaption { (FIGURES[at].group) ": " (FIGURES[at].title) }
                (chart::bars(FIGURES[at].name, "", &bars(at)))
            }
        }
    }
}
