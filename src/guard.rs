//! Runs what may panic: its panic becomes its message, never the end of the program.
//!
//! An assertion of the core that fires is a finding, whether a lesson hunts for it, a recording comes to it
//! again, or a live AMF has it; a database may panic on a damaged file. None of that is to print anything,
//! or to give back the terminal, for the program goes on.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes its message, and prints nothing. What it leaves half done is to be
/// dropped, or trusted no more, by the caller.
///
/// # Errors
/// The message of the panic.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                others(info);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "an assertion without words".to_owned())
    })
}

/// True while this thread runs such work: a panic hook that tidies up for the end of the program has
/// nothing to do.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

#[cfg(test)]
mod tests {
    use super::{guarded, is_guarded};

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guarded(|| 7), Ok(7));
        let number = 3;
        assert_eq!(guarded(|| -> u8 { panic!("no {number}") }), Err("no 3".to_owned()));
        assert!(!is_guarded());
    }

    #[test]
    fn what_is_caught_inside_leaves_the_outside_guarded() {
        let outer = guarded(|| {
            let inner = guarded(|| -> u8 { panic!("inside") });
            (inner, is_guarded())
        });
        assert_eq!(outer, Ok((Err("inside".to_owned()), true)));
    }
}
