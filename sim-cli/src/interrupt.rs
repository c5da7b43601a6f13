//! Ctrl-C: the first asks whatever is going on to come to an end, the second leaves at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use crate::exit::Code;
use crate::terminal;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The flag that SIGINT raises, for a run to heed.
pub fn flag() -> &'static Arc<AtomicBool> {
    &ASKED
}

/// SIGINT raises the flag from now on. A command that never looks at it must not call this: it ends by the signal itself.
#[expect(clippy::exit, reason = "the second Ctrl-C means now, whatever the main thread is at")]
pub fn listen() {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            process::exit(Code::Interrupted.number().into());
        }
    };
    // Without it the signal ends the program, as ever.
    if let Err(error) = ctrlc::set_handler(handler) {
        terminal::talk(&format!("{error}\n"));
    }
}

/// The reader wants an end.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// What was asked is done: what follows may be interrupted anew.
pub fn answered() -> bool {
    ASKED.swap(false, Ordering::Relaxed)
}
