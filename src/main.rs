//! The program: logging, the runtime, and the command line.

use std::process::ExitCode;

use hobnob::cli::Cli;

#[cfg(unix)]
mod allocator {
    /// Many small blocks come and go on several threads with each message, SQLite's among them: the system's allocator spent
    /// a sixth of a message's processor time on them, and kept what a crowd of sockets had needed. See docs/performance.md.
    #[global_allocator]
    static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    /// What the allocator reads when the program starts, as a C string. Few arenas, because what lies free in one helps no
    /// other; and what lies free goes back to the system within a second, on an idle server as well.
    #[repr(transparent)]
    struct Settings(*const std::ffi::c_char);

    // SAFETY: it points to constant text.
    unsafe impl Sync for Settings {}

    #[unsafe(export_name = "malloc_conf")]
    static SETTINGS: Settings = Settings(
        c"narenas:4,background_thread:true,max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_gc_incr_bytes:1048576".as_ptr(),
    );
}

fn main() -> ExitCode {
    hobnob::systemd::adopt();
    hobnob::logging::install();
    let outcome = actix_web::rt::System::new().block_on(Cli::of_process().run());
    log::logger().flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            hobnob::logging::last_word(&error);
            ExitCode::FAILURE
        }
    }
}
