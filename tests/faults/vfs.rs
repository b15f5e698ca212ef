//! SQLite's files on a [`Disk`]: a VFS in front of the system's own, which it asks for everything, and in between keeps
//! account of what was written and synced, and fails where it is told to.
//!
//! It is the process's default, so that nothing in the server has to know. Files that are on no such disk are the
//! system's alone. Locks and the shared index of the log are passed through: no crash keeps them.

use std::cell::Cell;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{Disk, Errno, Op};

thread_local! {
    /// How deep this thread is in the system's VFS: what that calls is told of here already.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Whether what this thread asks the system for is SQLite's, and accounted for.
pub fn is_inside() -> bool {
    INSIDE.try_with(|inside| inside.get() > 0).unwrap_or(true)
}

/// Runs `f`, which asks the system for what is accounted for already.
pub fn inside<T>(f: impl FnOnce() -> T) -> T {
    INSIDE.with(|inside| inside.set(inside.get() + 1));
    let result = f();
    INSIDE.with(|inside| inside.set(inside.get() - 1));
    result
}

/// An open file; the system's own follows it in memory.
#[repr(C)]
struct Opened {
    methods: *const sqlite3_io_methods,
    more: *mut More,
}

struct More {
    disk: Arc<Disk>,
    id: usize,
    path: PathBuf,
    /// The system's VFS syncs the folder with the first sync of a log or journal that it opened to make it, whether or not
    /// it was there.
    folder_too: Cell<bool>,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes it the VFS of everything that is opened from now on.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the system's VFS lives as long as the process, and so does the copy, which is never freed.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            let mut own: sqlite3_vfs = *system;
            own.szOsFile = size_of::<Opened>() as c_int + (*system).szOsFile;
            own.pNext = std::ptr::null_mut();
            own.zName = c"forgets".as_ptr();
            own.pAppData = system.cast();
            own.xOpen = Some(open);
            own.xDelete = Some(delete);
            own.xAccess = Some(access);
            own.xFullPathname = Some(full_pathname);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(own)), 1), ffi::SQLITE_OK);
        }
    });
}

unsafe fn system(vfs: *mut sqlite3_vfs) -> *mut sqlite3_vfs {
    unsafe { (*vfs).pAppData.cast() }
}

unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(Path::new(OsStr::from_bytes(bytes)).to_owned())
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let vfs = system(vfs);
        let open = (*vfs).xOpen.expect("a VFS opens");
        let path = path_of(name).filter(|_| flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0);
        let Some((path, disk)) = path.and_then(|path| Disk::find(&path).map(|disk| (path, disk))) else {
            return inside(|| open(vfs, name, file, flags, out));
        };
        let opened: *mut Opened = file.cast();
        (*opened).methods = std::ptr::null();
        let made = flags & ffi::SQLITE_OPEN_CREATE != 0 && !path.exists();
        let Ok(id) = disk.open(&path, made) else { return ffi::SQLITE_CANTOPEN };
        let code = inside(|| open(vfs, name, behind(file), flags, out));
        if code != ffi::SQLITE_OK {
            return code;
        }
        let journals = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let folder_too = Cell::new(flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journals != 0);
        (*opened).more = Box::into_raw(Box::new(More { disk, id, path, folder_too }));
        (*opened).methods = &METHODS;
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    unsafe {
        let vfs = system(vfs);
        let delete = (*vfs).xDelete.expect("a VFS deletes");
        let path = path_of(name).unwrap_or_default();
        let Some(disk) = Disk::find(&path) else { return inside(|| delete(vfs, name, sync_folder)) };
        if disk.ask(Op::Name).is_err() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        let code = inside(|| delete(vfs, name, 0));
        if code == ffi::SQLITE_OK {
            disk.removed(&path);
            if sync_folder != 0 && disk.sync_folder(path.parent().expect("a folder")).is_err() {
                return ffi::SQLITE_IOERR_DIR_FSYNC;
            }
        }
        code
    }
}

unsafe extern "C" fn access(vfs: *mut sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    unsafe {
        let vfs = system(vfs);
        inside(|| (*vfs).xAccess.expect("a VFS looks")(vfs, name, flags, out))
    }
}

unsafe extern "C" fn full_pathname(vfs: *mut sqlite3_vfs, name: *const c_char, size: c_int, out: *mut c_char) -> c_int {
    unsafe {
        let vfs = system(vfs);
        inside(|| (*vfs).xFullPathname.expect("a VFS names")(vfs, name, size, out))
    }
}

/// The system's own file.
unsafe fn behind(file: *mut sqlite3_file) -> *mut sqlite3_file {
    unsafe { file.cast::<u8>().add(size_of::<Opened>()).cast() }
}

unsafe fn more<'f>(file: *mut sqlite3_file) -> &'f More {
    unsafe { &*(*file.cast::<Opened>()).more }
}

/// Calls the system's method.
macro_rules! pass {
    ($file:ident . $method:ident ( $($argument:expr),* )) => {{
        let real = behind($file);
        inside(|| (*(*real).pMethods).$method.expect("the system's files can")(real, $($argument),*))
    }};
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    unsafe {
        let code = pass!(file.xClose());
        drop(Box::from_raw((*file.cast::<Opened>()).more));
        code
    }
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, much: c_int, at: sqlite3_int64) -> c_int {
    unsafe {
        match more(file).disk.ask(Op::Read) {
            Ok(()) => pass!(file.xRead(to, much, at)),
            Err(_) => ffi::SQLITE_IOERR_READ,
        }
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, much: c_int, at: sqlite3_int64) -> c_int {
    unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), much as usize);
        let More { disk, id, .. } = more(file);
        let (much, answer) = disk.write(*id, at as u64, bytes);
        if much > 0 {
            let code = pass!(file.xWrite(from, much as c_int, at));
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        match answer {
            Ok(()) => ffi::SQLITE_OK,
            Err(Errno::Full) => ffi::SQLITE_FULL,
            Err(Errno::Io) => ffi::SQLITE_IOERR_WRITE,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    unsafe {
        let More { disk, id, .. } = more(file);
        match disk.cut(*id, size as u64) {
            Ok(()) => pass!(file.xTruncate(size)),
            Err(_) => ffi::SQLITE_IOERR_TRUNCATE,
        }
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    let More { disk, id, path, folder_too } = unsafe { more(file) };
    if disk.sync(*id).is_err() {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // As the system's: what becomes of that is nobody's concern.
    if folder_too.replace(false) {
        let _ = disk.sync_folder(path.parent().expect("a folder"));
    }
    // The files here are in the way of nobody's power cut.
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    unsafe { pass!(file.xFileSize(out)) }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    unsafe { pass!(file.xLock(level)) }
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    unsafe { pass!(file.xUnlock(level)) }
}

unsafe extern "C" fn check_reserved(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    unsafe { pass!(file.xCheckReservedLock(out)) }
}

unsafe extern "C" fn control(file: *mut sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    unsafe { pass!(file.xFileControl(op, argument)) }
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    unsafe { pass!(file.xSectorSize()) }
}

unsafe extern "C" fn characteristics(file: *mut sqlite3_file) -> c_int {
    unsafe { pass!(file.xDeviceCharacteristics()) }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe { pass!(file.xShmMap(page, size, extend, out)) }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, at: c_int, count: c_int, flags: c_int) -> c_int {
    unsafe { pass!(file.xShmLock(at, count, flags)) }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    unsafe { pass!(file.xShmBarrier()) }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    unsafe { pass!(file.xShmUnmap(delete)) }
}
