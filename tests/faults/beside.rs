//! A tool beside a server whose disk fails, and a server that cannot open more files.

use std::time::Duration;

use hobnob::model::error::Code;
use hobnob::store::Store;

use crate::disk::{Disk, Errno, Fault, Op};
use crate::play::{self, Act, Heard};
use crate::vfs;

/// Sends messages one by one; the number of the last one that was acknowledged.
fn send(store: &Store, numbers: std::ops::Range<u64>) -> u64 {
    let mut told = 0;
    for n in numbers {
        let act = Act::Send { by: 1, to: None, size: 2000, parent: None, quoted: None };
        if play::wait(store.write("beside", move |tx| act.perform(tx, n))).is_ok() {
            told = n;
        }
    }
    told
}

/// A sync fails the server while a tool has the database open too, which closes it last. Some of the log was copied before,
/// as far as a reader let it be, and is not synced yet: SQLite takes it for done, so a checkpoint that the tool makes later
/// copies the rest alone, and the log goes. Where that sync failed, what was copied first is nowhere then.
#[test]
fn a_tool_that_closes_last_leaves_the_log_of_a_server_whose_disk_failed() {
    vfs::install();
    let mut struck = 0;
    for after in 1..=8 {
        let folder = play::stage();
        let disk = Disk::of(folder.path());
        let server = play::open(folder.path(), &Heard::default()).expect("opens");
        let tool = play::open_beside(folder.path()).expect("opens");
        let first = send(&server, 1..6);
        // Not a look past the disk: SQLite's own files are the disk's to count.
        let reader = play::copier(folder.path());
        reader.execute_batch("BEGIN; SELECT count(*) FROM users").expect("reads");
        let copier = play::copier(folder.path());
        let mut told = first.max(send(&server, 6..12));
        copier.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("copies what it may");
        drop(reader);
        disk.fail(Fault { op: Op::Sync, after, errno: Errno::Io, forever: false });
        told = told.max(send(&server, 12..14));
        server.close();
        drop((server, copier));
        struck += disk.fired();
        disk.restart();
        tool.close();
        drop(tool);
        for seed in 0..8 {
            let place = format!("sync {after}, wreck {seed}");
            let (_, last) = play::wreck(&disk, after * 10 + seed, &place);
            assert!(last >= told, "{place}: the last is {last}, and told was {told}");
        }
    }
    assert!(struck > 2, "{struck} syncs failed");
}

/// One reader is open and busy, and the system opens no more files: whoever else reads hears so in the time of a read.
#[test]
fn a_reader_that_cannot_be_opened_is_a_clear_refusal() {
    vfs::install();
    let folder = play::stage();
    let disk = Disk::of(folder.path());
    let store = play::open(folder.path(), &Heard::default()).expect("opens").with_reads(Duration::from_secs(1), 10);
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(async {
        let (begun, begins) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        // Before one is taken: the pool opens the next one then.
        disk.fail(Fault { op: Op::Open, after: 1, errno: Errno::Io, forever: true });
        let long = store.clone();
        let long = tokio::spawn(async move {
            let held = move |_: &hobnob::store::Read<'_>| {
                begun.send(()).expect("somebody listens");
                ends.recv().expect("is let go");
                Ok(())
            };
            long.read(held).await
        });
        begins.recv().expect("reads");
        let refused = store.shared_by(7).read(|_| Ok(())).await.expect_err("there is no reader");
        assert_eq!(refused.code, Code::Busy, "not a fault without a name, and not after half a minute");
        end.send(()).expect("is held");
        long.await.expect("ends").expect("reads");
        store.shared_by(7).read(|_| Ok(())).await.expect("the reader is free");
    });
    store.close();
}
