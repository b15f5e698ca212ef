//! Everything else that writes files, on a [`Disk`]: the functions of the C library by which the standard library opens,
//! writes, syncs and names, in front of the library's own. This program's calls find these first; each does what it
//! stands for by the system call itself, and keeps account if the path is on such a disk. What SQLite calls is passed
//! through: `vfs` accounts for that.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, Errno, Op};
use crate::vfs::is_inside;

/// An open file or folder on a disk.
#[derive(Clone)]
struct Known {
    disk: Arc<Disk>,
    id: usize,
    path: PathBuf,
    folder: bool,
    append: bool,
}

static KNOWN: Mutex<BTreeMap<c_int, Known>> = Mutex::new(BTreeMap::new());

fn known() -> MutexGuard<'static, BTreeMap<c_int, Known>> {
    KNOWN.lock().unwrap_or_else(|e| e.into_inner())
}

fn find(fd: c_int) -> Option<Known> {
    if is_inside() { None } else { known().get(&fd).cloned() }
}

/// The path and its disk, if it is on one and the call is not SQLite's.
unsafe fn on_disk(path: *const c_char) -> Option<(PathBuf, Arc<Disk>)> {
    if is_inside() {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    Some((path.to_owned(), Disk::find(path)?))
}

fn refuse(errno: Errno) -> c_int {
    let number = if errno == Errno::Full { libc::ENOSPC } else { libc::EIO };
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() = number };
    -1
}

unsafe fn opened(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let call =
        || unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags | libc::O_LARGEFILE, mode) as c_int };
    let Some((path, disk)) = (unsafe { on_disk(path) }) else { return call() };
    let made = flags & libc::O_CREAT != 0 && !path.exists();
    if made && let Err(errno) = disk.ask(Op::Name) {
        return refuse(errno);
    }
    let fd = call();
    if fd < 0 {
        return fd;
    }
    let folder = path.is_dir();
    let id = match disk.open(&path, made) {
        Ok(id) => id,
        Err(errno) => {
            unsafe { libc::syscall(libc::SYS_close, fd) };
            return refuse(errno);
        }
    };
    if flags & libc::O_TRUNC != 0 && !made && !folder {
        let _ = disk.cut(id, 0);
    }
    known().insert(fd, Known { disk, id, path, folder, append: flags & libc::O_APPEND != 0 });
    fd
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    unsafe { opened(path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    unsafe { opened(path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    // Before the number can be another's, whoever closes it: SQLite closes late what others have locked.
    known().remove(&fd);
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, much: usize) -> isize {
    let call = |much: usize| unsafe { libc::syscall(libc::SYS_write, fd, from, much) as isize };
    let Some(file) = find(fd) else { return call(much) };
    let (from_end, to) = if file.append { (libc::SEEK_END, 0) } else { (libc::SEEK_CUR, 0) };
    let at = unsafe { libc::syscall(libc::SYS_lseek, fd, to as i64, from_end) }.unsigned_abs();
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), much) };
    match file.disk.write(file.id, at, bytes) {
        (_, Ok(())) => call(much),
        // Less than was asked, and the rest is refused when it is tried again.
        (some, Err(Errno::Full)) if some > 0 => call(some),
        (_, Err(errno)) => refuse(errno) as isize,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, length: i64) -> c_int {
    if let Some(file) = find(fd)
        && let Err(errno) = file.disk.cut(file.id, length.unsigned_abs())
    {
        return refuse(errno);
    }
    unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) as c_int }
}

fn synced(fd: c_int) -> c_int {
    // What is on no disk of ours is not to be kept either.
    let Some(file) = find(fd) else { return 0 };
    let answer = if file.folder { file.disk.sync_folder(&file.path) } else { file.disk.sync(file.id) };
    answer.map_or_else(refuse, |()| 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    synced(fd)
}

/// Syncs of what was written alone: SQLite's, and nobody else's here.
pub static DATA_SYNCS: AtomicU64 = AtomicU64::new(0);

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    DATA_SYNCS.fetch_add(1, Ordering::Relaxed);
    synced(fd)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    let call = || unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) as c_int };
    let Some((path, disk)) = (unsafe { on_disk(path) }) else { return call() };
    if let Err(errno) = disk.ask(Op::Name) {
        return refuse(errno);
    }
    let code = call();
    if code == 0 {
        disk.made_folder(&path);
    }
    code
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let call = || unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) as c_int };
    let Some((path, disk)) = (unsafe { on_disk(path) }) else { return call() };
    if let Err(errno) = disk.ask(Op::Name) {
        return refuse(errno);
    }
    let code = call();
    if code == 0 {
        disk.removed(&path);
    }
    code
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let call = || unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) as c_int };
    let Some((path, disk)) = (unsafe { on_disk(from) }) else { return call() };
    if let Err(errno) = disk.ask(Op::Name) {
        return refuse(errno);
    }
    let code = call();
    if code == 0 {
        let to = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(to) }.to_bytes()));
        disk.renamed(&path, to);
    }
    code
}
