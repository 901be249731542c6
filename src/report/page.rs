//! The frame of every HTML page: one file that needs nothing else, light and dark, printable.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Colours by role, for light and dark pages and for paper; charts use the same.
const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--fg:#1f2328;--dim:#57606a;--line:#d0d7de;--soft:#f6f8fa;--a:#0550ae;\
--b:#bc4c00;--c:#116329;--d:#8250df;--bad:#cf222e;--good:#116329}\
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#8d96a0;--line:#30363d;--soft:#161b22;\
--a:#79c0ff;--b:#ffa657;--c:#7ee787;--d:#d2a8ff;--bad:#ff7b72;--good:#7ee787}}\
body{margin:0 auto;padding:1.5rem;max-width:60rem;background:var(--bg);color:var(--fg);\
font:15px/1.45 system-ui,sans-serif}h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;\
border-bottom:1px solid var(--line);padding-bottom:.2rem;margin-top:2rem}h3{font-size:1rem;margin:1rem 0 0}\
code,pre,td.n,th.n{font-family:ui-monospace,monospace}code,pre{background:var(--soft)}\
pre{padding:.6rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}table{border-collapse:collapse;margin:.6rem 0}\
td,th{padding:.15rem .7rem .15rem 0;text-align:left;vertical-align:top}th{color:var(--dim);font-weight:normal}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}.wide td.n{white-space:nowrap}\
.ok{color:var(--good);font-weight:bold}.bad{color:var(--bad);font-weight:bold}.dim{color:var(--dim)}\
figure{margin:1rem 0}figcaption{color:var(--dim)}figure svg,figure img{max-width:100%;height:auto}\
svg.chart text{font:11px ui-monospace,monospace;fill:var(--dim)}svg.chart .grid{stroke:var(--line)}\
svg.chart .s0{stroke:var(--a)}svg.chart .s1{stroke:var(--b)}svg.chart .s2{stroke:var(--c)}svg.chart .s3{stroke:var(--d)}\
svg.chart polyline{fill:none;stroke-width:1.5}svg.chart .s1{stroke-dasharray:5 2}svg.chart .s2{stroke-dasharray:2 2}\
svg.chart .s3{stroke-dasharray:8 2 2 2}\
svg.chart rect.bar{fill:var(--a)}svg.chart rect.heat{fill:var(--b)}svg.chart .fault{stroke:var(--bad)}\
svg.chart .view{stroke:var(--dim);stroke-dasharray:2 3}svg.chart text.fault{fill:var(--bad);stroke:none}\
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#f4f4f4;--a:#0550ae;--b:#bc4c00;\
--c:#116329;--d:#8250df;--bad:#cf222e;--good:#116329}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}\
.wide{overflow:visible}.wide table{font-size:.6rem}}";

/// A page around its body.
#[must_use]
pub fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// A picture that is a file of its own, inside a page: its style touches nothing else.
#[must_use]
pub fn picture(svg: &str, words: &str) -> Markup {
    html! { img src=(data_uri(svg)) alt=(words); }
}

fn data_uri(svg: &str) -> String {
    let mut out = String::from("data:image/svg+xml,");
    for byte in svg.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.~ =:;,/()!*".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    out
}
