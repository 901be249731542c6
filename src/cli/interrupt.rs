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
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
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
