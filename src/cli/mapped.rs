//! Ends the program in order when a file that is mapped into memory can no longer be read: another program has
//! shortened a model's file while it is in use, or its disk fails. The system tells this by a signal, SIGBUS.

/// Installs the handler of the signal, where the system is known to send it for nothing else.
///
/// # Errors
/// The system's answer.
#[cfg(not(target_os = "linux"))]
pub fn watch() -> std::io::Result<()> {
    Ok(())
}

/// Installs the handler of the signal. It takes the place of the runtime's own, which knows only overflowing stacks,
/// and Linux tells those by another signal.
///
/// # Errors
/// The system's answer.
#[cfg(target_os = "linux")]
pub fn watch() -> std::io::Result<()> {
    // SAFETY: an action of zeros is one without flags and with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler::end as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler makes system calls alone, of those that a handler may make.
    match unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(target_os = "linux")]
mod handler {
    use std::sync::atomic::{AtomicBool, Ordering};

    const MESSAGE: &[u8] =
        b"error: a file of the model can no longer be read: it was shortened while it was in \
        use, or its disk fails; make it anew or download it again, then run again\n";

    pub extern "C" fn end(_: libc::c_int) {
        static ENDS: AtomicBool = AtomicBool::new(false);
        // All threads that compute read the same file; one of them speaks.
        if ENDS.swap(true, Ordering::SeqCst) {
            loop {
                // SAFETY: it waits for a signal and touches no memory.
                unsafe { libc::pause() };
            }
        }
        // SAFETY: the message is as long as it says; neither call takes a lock or memory.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(i32::from(super::super::FAILED));
        }
    }
}
