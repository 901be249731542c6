//! Ctrl-c and `SIGTERM` end a run in order; a second one ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a program that a second ctrl-c ended.
const KILLED: i32 = 130;

/// Becomes true when the user wants an end. Without a thread to listen it never does, and ctrl-c ends
/// the program as it does any other.
pub(super) fn watch() -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&asked);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
        return asked;
    };
    // Listened to from here on, not from whenever the thread gets its turn.
    let (interrupt, terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else { return asked };
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if told.swap(true, Ordering::Relaxed) {
                    std::process::exit(KILLED);
                }
            }
        });
    });
    asked
}
