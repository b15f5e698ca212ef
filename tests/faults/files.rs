//! Power cuts under what is no database: uploads, small pictures, certificates, the copy before a migration, backups and
//! restores, a first start. Each is cut at every one of its changes, and each cut leaves several wrecks.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hobnob::backup::{self, Target};
use hobnob::media::{Media, Size, Smaller};
use hobnob::model::time::Clock;
use hobnob::server::Server;
use hobnob::{store, tls};
use rusqlite::Connection;

use crate::disk::{Dice, Disk};
use crate::play::{self, DATABASE, Heard, NOW};
use crate::vfs;

/// Wrecks of each cut, and of what was done to the end.
const WRECKS: u64 = 3;
const MORE_WRECKS: u64 = 24;

/// Cuts the power at each change of `act`, which works in a folder that `begin` has made and gives what it was told is
/// kept; `law` looks at what is left.
fn cut<T>(
    what: &str,
    begin: impl Fn(&Path),
    act: impl Fn(&Path) -> Option<T>,
    law: impl Fn(&Path, Option<&T>) -> Result<(), String>,
) {
    vfs::install();
    let (mut change, mut cuts) = (1, 0);
    loop {
        let folder = play::folder();
        begin(folder.path());
        let disk = Disk::of(folder.path());
        disk.crash_after(change);
        let told = act(folder.path());
        let whole = !disk.is_gone();
        for seed in 0..if whole { MORE_WRECKS } else { WRECKS } {
            let wreck = play::folder();
            disk.wreck(&mut Dice::new(change * MORE_WRECKS + seed), wreck.path());
            let broken = law(wreck.path(), told.as_ref());
            assert_eq!(broken, Ok(()), "{what}, cut at change {change}, wreck {seed}, told: {}", told.is_some());
        }
        cuts += 1;
        if whole {
            assert!(told.is_some(), "{what}: it does not go well even when nothing happens");
            println!("{what}: cut {cuts} times in {change} changes");
            return;
        }
        // The first changes one by one, many in larger steps.
        change += 1 + change / 8;
    }
}

fn data(root: &Path) -> PathBuf {
    root.join("data")
}

fn empty(root: &Path) {
    fs::create_dir(data(root)).expect("a folder");
}

const NAME: &str = "ab0000000000000000000000000000ab.png";

#[test]
fn an_upload_that_was_acknowledged_is_whole() {
    let bytes = vec![7; 5000];
    let act = |root: &Path| {
        play::wait(async {
            let media = Media::open(&data(root), 1).ok()?;
            let mut file = media.put(NAME).await.ok()?;
            for piece in bytes.chunks(1500) {
                file.write(piece).await.ok()?;
            }
            file.finish().await.ok()
        })
    };
    cut("upload", empty, act, |wreck, told| {
        let media = Media::open(&data(wreck), 1).map_err(|e| e.to_string())?;
        match (told, fs::read(media.path(NAME))) {
            (None, _) => Ok(()),
            (Some(size), Ok(found)) if found == bytes && *size == 5000 => Ok(()),
            (Some(_), found) => Err(format!("{:?} bytes", found.map(|bytes| bytes.len()))),
        }
    });
}

#[test]
fn a_small_picture_is_whole_or_not_there() {
    let begin = |root: &Path| {
        let folder = data(root).join("media").join("ab");
        fs::create_dir_all(&folder).expect("folders");
        let picture = image::RgbImage::from_fn(900, 300, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        picture.save(folder.join(NAME)).expect("a picture");
    };
    let act = |root: &Path| {
        play::wait(async {
            let media = Media::open(&data(root), 1).ok()?;
            match media.smaller((1, 1), NAME, Size::Large).await {
                Smaller::Made(path) => Some(path),
                _ => match media.smaller((1, 1), NAME, Size::Small).await {
                    Smaller::Made(path) => Some(path),
                    _ => None,
                },
            }
        })
    };
    cut("small picture", begin, act, |wreck, _| {
        let small = data(wreck).join("media").join("ab").join(NAME.replace(".png", "-small.jpg"));
        match fs::read(&small) {
            Ok(bytes) => image::load_from_memory(&bytes).map(drop).map_err(|e| format!("{} bytes: {e}", bytes.len())),
            Err(_) => Ok(()),
        }
    });
}

#[test]
fn certificates_are_made_whole_and_stay() {
    let names = vec!["chat.example".to_owned()];
    let make = |root: &Path| {
        let files = tls::local(&data(root), &names)?;
        tls::read(&files)?;
        fs::read(tls::authority(&data(root))).map_err(|e| e.to_string())
    };
    cut(
        "certificate",
        empty,
        |root| make(root).ok(),
        |wreck, told| {
            let authority = make(wreck)?;
            match told.is_none_or(|told| *told == authority) {
                true => Ok(()),
                false => Err("another authority, which no device trusts".to_owned()),
            }
        },
    );
}

#[test]
fn a_migrated_database_has_the_copy_of_before_beside_it() {
    let packed = include_bytes!("../it/fixtures/schema-1.db.gz");
    let begin = |root: &Path| {
        empty(root);
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("unpacks");
        fs::write(data(root).join(DATABASE), bytes).expect("written");
    };
    let act = |root: &Path| {
        let store = play::open(&data(root), &Heard::default()).ok()?;
        store.close();
        Some(())
    };
    let version = |path: &Path| -> Result<i64, String> {
        let database = Connection::open(path).map_err(|e| e.to_string())?;
        let whole: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(|e| e.to_string())?;
        match whole.as_str() {
            "ok" => database.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| e.to_string()),
            damaged => Err(format!("{}: {damaged}", path.display())),
        }
    };
    cut("migration", begin, act, |wreck, told| {
        let found = version(&data(wreck).join(DATABASE))?;
        if told.is_some() && found != store::SCHEMA {
            return Err(format!("it is schema {found} again"));
        }
        let copy = data(wreck).join("hobnob.schema-1.db");
        if found == store::SCHEMA && (!copy.exists() || version(&copy)? != 1) {
            return Err("there is no copy of before".to_owned());
        }
        let store = play::open(&data(wreck), &Heard::default()).map_err(|e| e.plain())?;
        store.close();
        play::prove(&data(wreck))
    });
}

#[test]
fn a_folder_that_was_served_is_there_afterwards() {
    vfs::install();
    let folder = play::folder();
    let disk = Disk::of(folder.path());
    let place = folder.path().join("of").join("hobnob");
    let config = play::config(&place);
    actix_web::rt::System::new().block_on(async {
        let server = Server::start(&config, Clock::fixed(NOW)).await.expect("it starts");
        for seed in 0..MORE_WRECKS {
            let wreck = play::folder();
            disk.wreck(&mut Dice::new(seed), wreck.path());
            let place = wreck.path().join("of").join("hobnob");
            let store = play::open(&place, &Heard::default());
            assert!(store.is_ok() && place.join("media").exists(), "wreck {seed} of a first start");
        }
        server.stop().await;
    });
}

/// A data folder with two files, and a backup of it.
struct Kept {
    folder: tempfile::TempDir,
    archive: Vec<u8>,
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let folder = play::folder();
        empty(folder.path());
        let data = data(folder.path());
        fs::write(data.join(DATABASE), &play::scene().database).expect("written");
        let database = Connection::open(data.join(DATABASE)).expect("opens");
        for start in ["ab", "cd"] {
            let name = format!("{start}{}.txt", "0".repeat(30));
            fs::create_dir_all(data.join("media").join(start)).expect("a folder");
            fs::write(data.join("media").join(start).join(&name), "x".repeat(3000)).expect("written");
            let sql = "INSERT INTO attachments (name, app, title, mime_type, size, created_at, arrived_at)
                       SELECT ?1, id, 'a', 'text/plain', 3000, 1, 1 FROM apps";
            database.execute(sql, [&name]).expect("a row");
        }
        drop(database);
        fs::create_dir(data.join("tls")).expect("a folder");
        fs::write(data.join("tls").join("key.pem"), "key").expect("written");
        let file = folder.path().join("backup");
        backup::make(&data, &Target::Path(file.clone()), &Clock::fixed(NOW), &mut |_, _| {}).expect("is made");
        Kept { archive: fs::read(file).expect("reads"), folder }
    })
}

#[test]
fn a_backup_with_its_name_is_whole() {
    vfs::install();
    let source = data(kept().folder.path());
    let begin = |root: &Path| fs::create_dir(root.join("backups")).expect("a folder");
    let act = |root: &Path| {
        let to = Target::Path(root.join("backups"));
        backup::make(&source, &to, &Clock::fixed(NOW), &mut |_, _| {}).ok().and_then(|(path, _)| path)
    };
    cut("backup", begin, act, |wreck, told| {
        let found = backup::list(&wreck.join("backups")).map_err(|e| e.to_string())?;
        for path in &found {
            backup::check(fs::File::open(path).map_err(|e| e.to_string())?, &mut |_, _| {})?;
        }
        match told.is_none() || found.len() == 1 {
            true => Ok(()),
            false => Err("it is gone".to_owned()),
        }
    });
}

#[test]
fn a_restore_is_whole_or_nothing_that_could_be_served() {
    vfs::install();
    let archive = &kept().archive;
    let act = |root: &Path| backup::restore(&**archive, &data(root), &mut |_, _| {}).ok();
    cut(
        "restore",
        |_| {},
        act,
        |wreck, told| {
            let data = data(wreck);
            if !data.join(DATABASE).exists() {
                return if told.is_some() { Err("it is gone".to_owned()) } else { Ok(()) };
            }
            let manifest = backup::check(&**archive, &mut |_, _| {})?;
            for file in &manifest.files {
                let size = fs::metadata(data.join(&file.path)).map_err(|e| format!("{}: {e}", file.path))?.len();
                if size != file.size {
                    return Err(format!("{}: {size} of {} bytes", file.path, file.size));
                }
            }
            play::prove(&data)
        },
    );
}
