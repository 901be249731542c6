//! Whether the themes can be read: contrast by WCAG 2, and states told apart with the two common
//! deficiencies of colour vision.

use amflab::tui::theme::{Role, Theme};
use ratatui::style::Color;

/// Linear light, red, green and blue.
type Light = [f64; 3];

fn light(color: Color) -> Option<Light> {
    let Color::Rgb(r, g, b) = color else { return None };
    Some([r, g, b].map(|byte| {
        let share = f64::from(byte) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    }))
}

/// WCAG 2.2, relative luminance.
fn luminance([r, g, b]: Light) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(one: Light, other: Light) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

/// Themes that say their colours; the terminal's own 16 are the user's.
fn with_colours() -> Vec<Theme> {
    let all = Theme::names().map(|name| Theme::named(name).unwrap());
    all.filter(|theme| theme.style(Role::Text).bg.and_then(light).is_some()).collect()
}

/// Frames and the sign for nothing say nothing by themselves: 3, as for other parts of an interface.
const GRAPHIC: [Role; 2] = [Role::Border, Role::StateI];

#[test]
fn every_role_can_be_read_on_its_background() {
    let themes = with_colours();
    assert_eq!(themes.len(), Theme::names().count() - 1);
    let mut wrong = Vec::new();
    for theme in themes {
        let text = theme.style(Role::Text);
        for role in Role::ALL {
            let style = theme.style(role);
            let ink = style.fg.or(text.fg).and_then(light).expect("a colour with a value");
            let least = if GRAPHIC.contains(&role) { 3.0 } else { 4.5 };
            // What stands on the status bar keeps the bar's background.
            let mut papers = vec![style.bg.or(text.bg)];
            if matches!(role, Role::Good | Role::Warn | Role::Bad | Role::Title | Role::Text) {
                papers.push(theme.style(Role::Bar).bg);
            }
            for paper in papers {
                let found = contrast(ink, paper.and_then(light).expect("a colour with a value"));
                if found < least {
                    wrong.push(format!("{} {role:?}: {found:.2}, not {least}", theme.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// What is left without the cones for long waves, in linear light (Machado et al. 2009, severity 1).
const PROTANOPIA: [[f64; 3]; 3] = [
    [0.152_286, 1.052_583, -0.204_868],
    [0.114_503, 0.786_281, 0.099_216],
    [-0.003_882, -0.048_116, 1.051_998],
];
/// The same without the cones for middle waves.
const DEUTERANOPIA: [[f64; 3]; 3] = [
    [0.367_322, 0.860_646, -0.227_968],
    [0.280_085, 0.672_501, 0.047_413],
    [-0.011_820, 0.042_940, 0.968_881],
];

fn seen(by: &[[f64; 3]; 3], color: Light) -> Light {
    by.map(|row| row.iter().zip(color).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
}

/// CIE L*a*b* under D65.
fn lab(color: Light) -> [f64; 3] {
    // Over the white that all three together make.
    const XYZ: [[f64; 3]; 3] =
        [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8728]];
    let share = |row: [f64; 3]| row.iter().zip(color).map(|(a, b)| a * b).sum::<f64>();
    let [red, light, blue] = XYZ.map(share).map(|t: f64| {
        if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
    });
    [116.0 * light - 16.0, 500.0 * (red - light), 200.0 * (light - blue)]
}

/// How far two colours are apart (CIE76); 2.3 is just noticed, side by side.
fn apart(one: Light, other: Light) -> f64 {
    lab(one).iter().zip(lab(other)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Colours that mean different things in the same place: states of lines, and verdicts.
const GROUPS: [&[Role]; 2] = [
    &[Role::StateM, Role::StateO, Role::StateE, Role::StateS, Role::StateI, Role::StateL],
    &[Role::Good, Role::Warn, Role::Bad],
];

#[test]
fn states_are_told_apart_by_colour_blind_eyes() {
    let theme = Theme::named("colour-blind").unwrap();
    let mut wrong = Vec::new();
    for (eyes, name) in
        [(NORMAL, "all cones"), (PROTANOPIA, "protanopia"), (DEUTERANOPIA, "deuteranopia")]
    {
        for group in GROUPS {
            for (at, one) in group.iter().enumerate() {
                for other in &group[at + 1..] {
                    let color =
                        |role| seen(&eyes, light(theme.style(role).fg.unwrap()).expect("a value"));
                    let found = apart(color(*one), color(*other));
                    if found < 20.0 {
                        wrong.push(format!("{name}: {one:?} and {other:?} are {found:.1} apart"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_figures_are_those_of_the_standards() {
    let (black, white) = ([0.0; 3], [1.0; 3]);
    assert!((contrast(black, white) - 21.0).abs() < 1e-9);
    assert!((lab(white)[0] - 100.0).abs() < 0.01);
    let (red, green) =
        (light(Color::Rgb(200, 60, 0)).unwrap(), light(Color::Rgb(90, 110, 0)).unwrap());
    assert!(apart(red, green) > 60.0, "told apart by all cones");
    let dim = |color| seen(&PROTANOPIA, color);
    assert!(apart(dim(red), dim(green)) < 25.0, "but hardly without those for long waves");
}
