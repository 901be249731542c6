//! Runs a database that may panic on a damaged file: the panic becomes its message, never the end.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes its message, and prints nothing.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
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
    // What a panic leaves half done is dropped by the caller, who breaks the disk.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    GUARDED.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("the database gave up: {}", text.unwrap_or_else(|| "no reason given".to_owned()))
    })
}

/// True while this thread is inside a database: a panic there is caught, so a panic hook that tidies
/// up for the end of the program has nothing to do.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}
