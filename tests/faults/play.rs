//! What people do, and a server that does it: acts that go through the real store and actions, one after the other, each
//! with a mark of its number in the same transaction, so that a database says itself up to where it has come.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use hobnob::actions::{self, blocks, conversations, members, messages, pins, reactions, receipts, threads, users};
use hobnob::model::caller::{App, Caller};
use hobnob::model::error::Result;
use hobnob::model::event::Post;
use hobnob::model::group::MemberLists;
use hobnob::model::ids::{Guid, Uid};
use hobnob::model::json::Object;
use hobnob::model::limits::Limits;
use hobnob::model::message::{Ask, Draft, Receiver};
use hobnob::model::patch::Patch;
use hobnob::model::time::Clock;
use hobnob::model::user::{Profile, UserDraft, UserPatch};
use hobnob::store::receipts::Kind;
use hobnob::store::{Hooks, Store, Write, apps, purge, search};
use rusqlite::{Connection, OpenFlags};

use crate::disk::{Dice, Disk};

pub const NOW: i64 = 1_795_000_000;

/// The database's name in its folder.
pub const DATABASE: &str = "hobnob.db";

/// Who does the acts' book-keeping: their status message is the number of the last act.
const SCRIBE: &str = "scribe";

const PEOPLE: [&str; 5] = actions::demo::UIDS;
const GROUP: &str = actions::demo::GUID;

/// A folder in memory, if the machine has one: what is kept here is [`crate::disk`]'s to say.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("hobnob-faults-").tempdir_in(place).expect("a temporary folder")
}

/// Such a folder with the database of the scene.
pub fn stage() -> tempfile::TempDir {
    let folder = folder();
    std::fs::write(folder.path().join(DATABASE), &scene().database).expect("written");
    folder
}

/// The settings of a server on this folder.
pub fn config(folder: &Path) -> hobnob::config::Config {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        config: hobnob::config::Config,
    }
    let words = ["faults", "--http", "127.0.0.1:0", "--https", "off", "--data", folder.to_str().expect("a plain path")];
    <Cli as clap::Parser>::parse_from(words).config
}

/// The power goes: what is left of the disk starts and proves itself. It, and the last act that is there.
pub fn wreck(disk: &Disk, seed: u64, place: &str) -> (tempfile::TempDir, u64) {
    let wreck = folder();
    disk.wreck(&mut Dice::new(seed), wreck.path());
    let store = open(wreck.path(), &Heard::default()).expect("it starts");
    let last = last_act(&look(wreck.path()));
    store.close();
    assert_eq!(prove(wreck.path()), Ok(()), "{place}");
    (wreck, last)
}

/// What was announced, a line each.
pub type Heard = Arc<Mutex<Vec<String>>>;

fn line(post: Post) -> String {
    match post {
        Post::Tell(audience, event) => {
            let (from, to) = (event.sender, event.receiver);
            format!("{} {from} to {to}, heard by {audience:?}: {}", event.kind, event.body.json())
        }
        Post::Move(step) => format!("{step:?}"),
    }
}

/// Opens the store of this folder.
pub fn open(folder: &Path, heard: &Heard) -> Result<Store> {
    let heard = heard.clone();
    let deliver = move |posts: Vec<Post>| {
        heard.lock().unwrap_or_else(|e| e.into_inner()).extend(posts.into_iter().map(line));
    };
    let hooks = Hooks { deliver: Box::new(deliver), ..Hooks::alone(Clock::fixed(NOW)) };
    Store::open(&folder.join(DATABASE), 2, 100, hooks)
}

/// Opens it as a tool does while a server runs there.
pub fn open_beside(folder: &Path) -> Result<Store> {
    let hooks = Hooks::alone(Clock::fixed(NOW));
    Store::open_beside(&folder.join(DATABASE), 1, 100, hooks)
}

/// A connection that makes checkpoints when it is told to, and none at closing.
pub fn copier(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join(DATABASE)).expect("opens");
    let leave = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(leave, true).expect("is set");
    connection
}

/// Where every play begins: a database with an app, its people and their group.
pub struct Scene {
    pub database: Vec<u8>,
    app: App,
    people: Vec<(i64, Uid)>,
    guid: Guid,
    scribe: Uid,
    limits: Limits,
}

pub fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let folder = folder();
        let store = open(folder.path(), &Heard::default()).expect("opens");
        let limits = Limits::default();
        let uid = |text: &str| Uid::parse(text).expect("a uid");
        let made = wait(store.write("scene", move |tx| {
            let made = actions::apps::create(tx, "Faults", "us", &Limits::default())?;
            let app = apps::by_app_id(tx, &made.app_id)?.expect("just made");
            actions::demo::fill_app(tx, app.clone())?;
            let draft = UserDraft { uid: uid(SCRIBE), name: "S".to_owned(), role: None, profile: Profile::default() };
            users::create(tx, &app, draft)?;
            let people = PEOPLE.map(|text| {
                let user = hobnob::store::users::person(tx, &app, &uid(text)).expect("of the demo");
                (user.id, uid(text))
            });
            Ok((app, people))
        }));
        let (app, people) = made.expect("is made");
        store.close();
        drop(store);
        let database = std::fs::read(folder.path().join(DATABASE)).expect("reads");
        let guid = Guid::parse(GROUP).expect("a guid");
        Scene { database, app, people: people.into(), guid, scribe: uid(SCRIBE), limits }
    })
}

/// Waits on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

/// One thing that is done. People by their place in [`PEOPLE`]; messages by id.
#[derive(Clone, Debug)]
pub enum Act {
    Send { by: usize, to: Option<usize>, size: usize, parent: Option<i64>, quoted: Option<i64> },
    Edit { by: usize, id: i64 },
    Delete { by: usize, id: i64, permanent: bool },
    React { by: usize, id: i64, on: bool },
    Read { by: usize, with: Option<usize>, read: bool },
    Kick { by: usize, whom: usize },
    Add { whom: usize },
    Block { by: usize, whom: usize, on: bool },
    Reset { by: usize, with: Option<usize> },
    Pin { by: usize, id: i64, on: bool },
    Follow { by: usize, id: i64 },
    Purge,
    Index,
}

impl Act {
    /// Something people do; `n` acts went before it.
    pub fn any(dice: &mut Dice, n: u64) -> Act {
        let people = PEOPLE.len() as u64;
        let by = dice.roll(people) as usize;
        let other = (by + 1 + dice.roll(people - 1) as usize) % PEOPLE.len();
        let id = 1 + dice.roll(n + 4) as i64;
        let with = dice.chance(50).then_some(other);
        let on = dice.chance(70);
        match dice.roll(100) {
            0..45 => {
                let size = [5, 80, 900, 9_000][dice.roll(4) as usize];
                let to_group = dice.chance(60);
                let parent = (to_group && dice.chance(15)).then_some(id);
                let quoted = (to_group && dice.chance(10)).then_some(id);
                Act::Send { by, to: (!to_group).then_some(other), size, parent, quoted }
            }
            45..53 => Act::Edit { by, id },
            53..59 => Act::Delete { by, id, permanent: !on },
            59..67 => Act::React { by, id, on },
            67..76 => Act::Read { by, with, read: on },
            76..80 => Act::Kick { by: 0, whom: 1 + dice.roll(people - 1) as usize },
            80..85 => Act::Add { whom: 1 + dice.roll(people - 1) as usize },
            85..88 => Act::Block { by, whom: other, on },
            88..90 => Act::Reset { by, with },
            90..92 => Act::Pin { by, id, on },
            92..94 => Act::Follow { by, id },
            94..97 => Act::Purge,
            _ => Act::Index,
        }
    }

    /// Does it, as the `n`-th.
    pub fn perform(&self, tx: &mut Write<'_>, n: u64) -> Result<()> {
        let scene = scene();
        tx.dated(Some(NOW + n as i64), |tx| {
            scene.act(tx, self, n)?;
            let status_message = Patch::Set(n.to_string());
            let profile = Profile { status_message, ..Profile::default() };
            users::update(tx, &scene.app, &scene.scribe, UserPatch { name: None, role: None, profile })?;
            Ok(())
        })
    }
}

impl Scene {
    fn caller(&self, who: usize) -> Caller {
        let (id, uid) = &self.people[who];
        Caller::of(self.app.clone(), *id, uid.as_str())
    }

    fn receiver(&self, with: Option<usize>) -> Receiver {
        with.map_or_else(|| Receiver::Group(self.guid.clone()), |who| Receiver::User(self.people[who].1.clone()))
    }

    fn act(&self, tx: &mut Write<'_>, act: &Act, n: u64) -> Result<()> {
        let Scene { app, guid, limits, .. } = self;
        let text = |text: String| Object::parse(&serde_json::json!({ "text": text }).to_string()).expect("an object");
        match *act {
            Act::Send { by, to, size, parent, quoted } => {
                let receiver = self.receiver(to);
                let ask = Ask {
                    receiver: Some(receiver.name()),
                    receiver_type: Some(receiver.kind().as_str()),
                    category: Some("message"),
                    kind: Some("text"),
                    data: text(format!("word{n} {}", "x".repeat(size))),
                    metadata: None,
                    tags: None,
                    muid: Some(format!("m{n}")),
                    parent,
                    quoted,
                };
                drop(messages::send(tx, &self.caller(by), Draft::parse(ask, limits)?)?);
            }
            Act::Edit { by, id } => {
                let edit = messages::Edit { data: text(format!("edited{n}")), tags: None };
                drop(messages::edit(tx, &self.caller(by), id, edit, limits)?);
            }
            Act::Delete { by, id, permanent } => drop(messages::delete(tx, &self.caller(by), id, permanent)?),
            Act::React { by, id, on: true } => drop(reactions::add(tx, &self.caller(by), id, "👍", limits)?),
            Act::React { by, id, on: false } => drop(reactions::remove(tx, &self.caller(by), id, "👍", limits)?),
            Act::Read { by, with, read } => {
                let caller = self.caller(by);
                let copy = conversations::copy(tx, &caller, &self.receiver(with))?;
                receipts::mark(tx, &caller, &copy, if read { Kind::Read } else { Kind::Delivered }, None)?;
            }
            Act::Kick { by, whom } => members::kick(tx, &self.caller(by), guid, &self.people[whom].1)?,
            Act::Add { whom } => {
                let participants = vec![self.people[whom].1.to_string()];
                let lists = MemberLists { participants, ..MemberLists::default() };
                drop(members::add(tx, &Caller::system(app.clone()), guid, lists, limits)?);
            }
            Act::Block { by, whom, on } => {
                let uids = [self.people[whom].1.to_string()];
                let change = if on { blocks::block } else { blocks::unblock };
                drop(change(tx, app, self.people[by].0, &uids)?);
            }
            Act::Reset { by, with } => {
                drop(conversations::reset(tx, &self.caller(by), &self.receiver(with), false, false)?);
            }
            Act::Pin { by, id, on } => drop(pins::pin(tx, &self.caller(by), id, on, limits)?),
            Act::Follow { by, id } => threads::follow(tx, &self.caller(by), id, true)?,
            Act::Purge => drop(purge::sweep(tx, 20)?),
            Act::Index => drop(search::index(tx, 10)?),
        }
        Ok(())
    }
}

/// The database of a folder, for a look at it from outside.
pub fn look(folder: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    // As the system has it, whatever befalls the disk.
    let connection = Connection::open_with_flags_and_vfs(folder.join(DATABASE), flags, "unix").expect("opens");
    // A look leaves the log as it is.
    let leave = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(leave, true).expect("is set");
    connection
}

/// The number of the last act that is in a database.
pub fn last_act(database: &Connection) -> u64 {
    let sql = "SELECT coalesce(status_message, '0') FROM users WHERE uid = 'scribe'";
    let number: String = database.query_row(sql, [], |row| row.get(0)).expect("the scribe");
    number.parse().expect("a number")
}

/// Everything that is stored, a line for each row. Without what is derived in pieces of its own size (the words of the
/// search) and the clock's last look.
pub fn dump(database: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search\\_%' ESCAPE '\\'
               AND name NOT IN ('search', 'clock') ORDER BY name";
    let mut tables = database.prepare(sql).expect("sql");
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("sql").map(|row| row.expect("a row")).collect();
    let mut lines = Vec::new();
    for table in tables.iter().map(String::as_str).chain(["search_state", "search_changes"]) {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).expect("sql");
        let width = rows.column_count();
        let mut rows = rows.query([]).expect("sql");
        while let Some(row) = rows.next().expect("a row") {
            let mut line = table.to_owned();
            for at in 0..width {
                let value = row.get_ref(at).expect("a value");
                line.push_str(&match value.as_str() {
                    Ok(text) => format!(" {text:?}"),
                    Err(_) => format!(" {value:?}"),
                });
            }
            lines.push(line);
        }
    }
    lines
}

/// A database proved by itself: its pages, its references, its search index, and what it counts.
pub fn prove(folder: &Path) -> Result<(), String> {
    let database = Connection::open(folder.join(DATABASE)).map_err(|e| e.to_string())?;
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).map_err(|e| format!("{sql}: {e}"));
    let whole = one("PRAGMA integrity_check(3)")?;
    if whole != "ok" {
        return Err(format!("damaged: {whole}"));
    }
    database
        .execute("INSERT INTO search (search) VALUES ('integrity-check')", [])
        .map_err(|e| format!("search: {e}"))?;
    for (what, sql) in [
        ("references", "SELECT count(*) FROM pragma_foreign_key_check"),
        ("double messages", "SELECT count(*) - count(DISTINCT sender_id || ' ' || conv_id || ' ' || muid) FROM messages WHERE muid IS NOT NULL"),
        (
            "counts of members",
            "SELECT count(*) FROM groups g WHERE members_count <> (SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.group_id = g.id AND u.deactivated_at IS NULL)",
        ),
        (
            "counts of replies",
            "SELECT count(*) FROM messages p WHERE deleted_at IS NULL AND reply_count <> (SELECT count(*) FROM messages r
             WHERE r.parent_id = p.id AND r.deleted_at IS NULL)",
        ),
        (
            "points beyond the end",
            "SELECT count(*) FROM participants p JOIN conversations c ON c.id = p.conv_id WHERE p.read_total > c.total",
        ),
    ] {
        let wrong: i64 = database.query_row(sql, [], |row| row.get(0)).map_err(|e| format!("{what}: {e}"))?;
        if wrong != 0 {
            return Err(format!("{what}: {wrong}"));
        }
    }
    Ok(())
}
