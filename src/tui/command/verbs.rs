//! The words that only the `:` line knows.

use super::Verb;

/// Words of the `:` line with arguments, besides the cluster's commands.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "save",
        usage: "save FILE",
        help: "Save the session so far as a script; `save!` replaces a file",
    },
    Verb { name: "source", usage: "source FILE", help: "Run a script's commands here" },
    Verb {
        name: "layout",
        usage: "layout NAME | save NAME | hide PANE | show PANE | list",
        help: "The dashboard as it was saved; `default` fits by itself; `save!` replaces one",
    },
    Verb { name: "lesson", usage: "lesson NAME", help: "Take a lesson, by its name or number" },
    Verb { name: "theme", usage: "theme NAME", help: "Another theme" },
    Verb {
        name: "filter",
        usage: "filter [WORDS]",
        help: "Filter the list with the keys, else the traffic; nothing shows all",
    },
    Verb {
        name: "goto",
        usage: "goto BLOCK",
        help: "Go to a block; in a recording to a step: N, +N, -N, start, end, or bN for a block",
    },
    Verb {
        name: "columns",
        usage: "columns all|PLACE,...",
        help: "Places of the ladder, in this order: hosts, amf0, witness, disk0",
    },
    Verb { name: "svg", usage: "svg FILE", help: "Draw the ladder from the top of the screen on" },
    Verb {
        name: "fork",
        usage: "fork [NAME]",
        help: "Another run that begins here, in step mode: try another order, or a fault",
    },
    Verb {
        name: "branch",
        usage: "branch [NAME]",
        help: "Show another run; without a name that which this one came from",
    },
    Verb { name: "unbranch", usage: "unbranch NAME", help: "Give up a run" },
    Verb { name: "branches", usage: "branches", help: "The runs that are there" },
    Verb {
        name: "compare",
        usage: "compare NAME [NAME]",
        help: "Two runs side by side, from their first difference on",
    },
    Verb {
        name: "diff",
        usage: "diff [STEP [STEP]]",
        help: "What differs in all of the state between two steps: of the marked one, and here",
    },
    Verb {
        name: "watch",
        usage: "watch CONDITION | off",
        help: "Stop where it begins to hold, as `state amf1 3 I`; in a recording, mark where",
    },
    Verb {
        name: "beside",
        usage: "beside KEY=VALUE ..",
        help: "Two simulated clusters on the same input that differ in these keys of the profile",
    },
    Verb { name: "select", usage: "select AMF", help: "Select an AMF" },
];
