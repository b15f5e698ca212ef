//! Files of messages on disk, beside the database: put, open, sweep.
//!
//! `<data>/media/ab/abcd….png` holds a file under the random name its row has; small versions of pictures lie next to it.
//! This room knows no rows. What keeps the two together is an order: the row is written before the file, and removed
//! after it, so whatever is on disk is spoken of by a row and goes with it, crash or not. All work on files happens off
//! the request threads. Files and folders are for the server's own user alone, like the database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use tokio::io::AsyncWriteExt;

use crate::durable;
use crate::model::attachment::{Owner, folder_of};
use crate::model::error::{Code, Error, Result};
use crate::turns::Turns;

/// A handle to the folder; cheap to clone.
#[derive(Clone)]
pub struct Media {
    root: Arc<Path>,
    /// As many places as pictures may be decoded at once: each can take up to [`MOST_MEMORY`]. Whose turn it is goes round
    /// among those whose pictures they are (apps.id, users.id).
    turns: Turns<Owner>,
    drafts: Arc<AtomicU64>,
}

/// Pictures that may wait to be decoded, in all and of one owner. Of what goes beyond that no small version is made for
/// now, and the picture itself is shown.
const WAITING: usize = 512;
const WAITING_EACH: usize = 64;

/// A picture larger than this in one direction, or in memory, is not decoded: a small file can claim to be a huge one.
const MOST_PIXELS: u32 = 16_384;
const MOST_MEMORY: u64 = 192 << 20;

/// Quality of small JPEGs: no difference to be seen at their size.
const QUALITY: u8 = 82;

/// What became of the wish for a small version.
pub enum Smaller {
    /// Its file.
    Made(PathBuf),
    /// There is none: the picture is small enough itself, or cannot be read.
    None,
    /// Not now: too many wait.
    Later,
}

/// Small versions of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    const ALL: [Size; 3] = [Size::Small, Size::Medium, Size::Large];

    pub fn parse(text: &str) -> Option<Self> {
        Size::ALL.into_iter().find(|size| size.as_str() == text)
    }

    fn as_str(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Medium => "medium",
            Size::Large => "large",
        }
    }

    /// Pixels of the longer side.
    fn edge(self) -> u32 {
        match self {
            Size::Small => 160,
            Size::Medium => 480,
            Size::Large => 960,
        }
    }
}

fn failed(what: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::fault(Code::StorageFull, what, error),
        _ => Error::internal(what, error),
    }
}

impl Media {
    /// Opens the folder of files in `data`, making it if need be. `parallel`: pictures decoded at the same time.
    pub fn open(data: &Path, parallel: usize) -> io::Result<Self> {
        let root = data.join("media");
        let drafts = root.join("drafts");
        // Half-made pictures of an earlier run.
        match fs::remove_dir_all(&drafts) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let open_to_others = is_open_to_others(&root);
        make_private_folder(&drafts)?;
        if open_to_others {
            // Made by an earlier version. With the upper folder closed nobody gets in; the rest has time.
            let all = root.clone();
            std::thread::Builder::new().name("media-private".to_owned()).spawn(move || close_to_others(&all))?;
        }
        Ok(Media {
            root: root.into(),
            turns: Turns::new(parallel, WAITING, WAITING_EACH),
            drafts: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Where all of them lie.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Where the file with this name lies, or would.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(folder_of(name)).join(name)
    }

    /// Begins a file. A row must speak of it already.
    pub async fn put(&self, name: &str) -> Result<Incoming> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        let made = async {
            let folder = folder.clone();
            let made = tokio::task::spawn_blocking(move || {
                make_private_folder(&folder)?;
                create_private(&path)
            });
            made.await.map_err(io::Error::other)?
        };
        let file = tokio::fs::File::from_std(made.await.map_err(|e| failed("media file", &e))?);
        Ok(Incoming { file, folder, size: 0 })
    }

    /// A small version of a picture of `owner`, made now if it was not asked for before.
    pub async fn smaller(&self, owner: Owner, name: &str, size: Size) -> Smaller {
        let media = self.clone();
        let name = name.to_owned();
        if let Some(known) = self.known(&name, size).await {
            return known;
        }
        let Ok(turn) = self.turns.wait(owner).await else { return Smaller::Later };
        // Somebody else may have made it meanwhile.
        if let Some(known) = self.known(&name, size).await {
            return known;
        }
        let (maker, of) = (media.clone(), name.clone());
        let made = tokio::task::spawn_blocking(move || {
            // The place is taken until the work is done, whether or not somebody waits for it.
            let _turn = turn;
            maker.make_smaller(&of, size)
        });
        match made.await {
            Ok(Ok(Some(path))) => Smaller::Made(path),
            Ok(Ok(None)) => Smaller::None,
            Ok(Err(Refused::Disk(error))) => {
                log::error!("small picture: {error}");
                Smaller::None
            }
            Ok(Err(Refused::Picture)) | Err(_) => {
                // Not tried again. Panics of a decoder count as well.
                let _ = tokio::task::spawn_blocking(move || media.keep(&name, &media.mark(&name), b"")).await;
                Smaller::None
            }
        }
    }

    /// What is known without making anything.
    async fn known(&self, name: &str, size: Size) -> Option<Smaller> {
        for format in Format::ALL {
            let path = self.version(name, size, format);
            if tokio::fs::try_exists(&path).await.unwrap_or(false) {
                return Some(Smaller::Made(path));
            }
        }
        tokio::fs::try_exists(self.mark(name)).await.unwrap_or(false).then_some(Smaller::None)
    }

    fn version(&self, name: &str, size: Size, format: Format) -> PathBuf {
        let stem = name.split('.').next().unwrap_or(name);
        self.path(name).with_file_name(format!("{stem}-{}.{}", size.as_str(), format.extension()))
    }

    /// Says that this is no picture that can be made smaller.
    fn mark(&self, name: &str) -> PathBuf {
        let stem = name.split('.').next().unwrap_or(name);
        self.path(name).with_file_name(format!("{stem}-none"))
    }

    fn make_smaller(&self, name: &str, size: Size) -> Result<Option<PathBuf>, Refused> {
        let Some((format, bytes)) = shrink(&self.path(name), size.edge())? else { return Ok(None) };
        let path = self.version(name, size, format);
        self.keep(name, &path, &bytes).map_err(Refused::Disk)?;
        Ok(Some(path))
    }

    /// Puts a small file next to the file `name`, whole or not at all, unless that is being swept.
    fn keep(&self, name: &str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = self.root.join("drafts").join(self.drafts.fetch_add(1, Ordering::Relaxed).to_string());
        io::Write::write_all(&mut create_private(&draft)?, bytes)?;
        durable::place(&draft, path)?;
        // The sweep takes the file first and its small versions then: one of us sees the other.
        if !self.path(name).try_exists()? {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Removes files with all that was made of them. A file that is not there is as good as removed.
    pub async fn remove(&self, names: Vec<String>) -> Result<()> {
        let media = self.clone();
        let removing = tokio::task::spawn_blocking(move || {
            for name in &names {
                let versions = Size::ALL
                    .into_iter()
                    .flat_map(|size| Format::ALL.map(|format| media.version(name, size, format)))
                    .chain([media.mark(name)]);
                for path in std::iter::once(media.path(name)).chain(versions) {
                    match fs::remove_file(&path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
            }
            Ok(())
        });
        let done = removing.await.map_err(|e| Error::internal("media sweep", e))?;
        done.map_err(|e| failed("media sweep", &e))
    }
}

/// Modes of files and folders: for the server's own user.
#[cfg(unix)]
const PRIVATE_FILE: u32 = 0o600;
#[cfg(unix)]
const PRIVATE_FOLDER: u32 = 0o700;

fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE_FILE);
    options.open(path)
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    durable::make_folder(path, true)
}

/// Whether others may look into the folder.
fn is_open_to_others(root: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(root).is_ok_and(|folder| folder.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = root;
        false
    }
}

/// Takes away what others may do, the upper folder first.
fn close_to_others(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(kind) = fs::symlink_metadata(path) else { return };
        let mode = if kind.is_dir() { PRIVATE_FOLDER } else { PRIVATE_FILE };
        if kind.is_symlink() {
            return;
        }
        if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
            return log::warn!("{} stays open to others: {error}", path.display());
        }
        if kind.is_dir() {
            fs::read_dir(path).into_iter().flatten().flatten().for_each(|entry| close_to_others(&entry.path()));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// A file that is being written.
pub struct Incoming {
    file: tokio::fs::File,
    folder: PathBuf,
    size: u64,
}

impl Incoming {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await.map_err(|e| failed("media file", &e))
    }

    /// Makes it durable; its size. Only then may a row say that it is there.
    pub async fn finish(mut self) -> Result<u64> {
        let done = async {
            self.file.flush().await?;
            if durable::is_passing(&self.folder) {
                return Ok(self.size);
            }
            self.file.sync_all().await?;
            // The name is on disk when its folder is, and the folder's when the one above is.
            let above = self.folder.parent().map(Path::to_owned);
            for folder in [Some(self.folder), above].into_iter().flatten() {
                tokio::fs::File::open(folder).await?.sync_all().await?;
            }
            Ok(self.size)
        };
        done.await.map_err(|e| failed("media file", &e))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
}

impl Format {
    const ALL: [Format; 2] = [Format::Jpeg, Format::Png];

    fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Png => "png",
        }
    }
}

enum Refused {
    /// No picture, a damaged one, or one that asks for too much.
    Picture,
    Disk(io::Error),
}

/// The picture with its longer side at `edge`, encoded. `None`: it is not larger.
fn shrink(path: &Path, edge: u32) -> Result<Option<(Format, Vec<u8>)>, Refused> {
    let bad = |_| Refused::Picture;
    let mut reader = ImageReader::open(path).map_err(Refused::Disk)?.with_guessed_format().map_err(Refused::Disk)?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let (width, height) = decoder.dimensions();
    if width <= edge && height <= edge {
        return Ok(None);
    }
    if decoder.total_bytes() > MOST_MEMORY {
        return Err(Refused::Picture);
    }
    let orientation = decoder.orientation().map_err(bad)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(bad)?;
    // First small, then turned: turning copies.
    let mut small = picture.thumbnail(edge, edge);
    drop(picture);
    small.apply_orientation(orientation);
    let mut bytes = Vec::new();
    let format = if small.color().has_alpha() { Format::Png } else { Format::Jpeg };
    let encoded = match format {
        Format::Png => small.write_to(&mut io::Cursor::new(&mut bytes), ImageFormat::Png),
        Format::Jpeg => {
            let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, QUALITY);
            small.to_rgb8().write_with_encoder(encoder)
        }
    };
    encoded.map_err(bad)?;
    Ok(Some((format, bytes)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_an_earlier_version_left_open_is_closed() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("media").join("ab");
        fs::create_dir_all(&folder).unwrap();
        let (root, file) = (data.path().join("media"), folder.join("ab12.png"));
        fs::write(&file, b"x").unwrap();
        for path in [&root, &folder] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert!(is_open_to_others(&root));
        close_to_others(&root);
        assert_eq!((mode(&root), mode(&folder), mode(&file)), (0o700, 0o700, 0o600));
        assert!(!is_open_to_others(&root));
    }

    #[tokio::test]
    async fn files_and_folders_are_for_the_server_alone() {
        let data = tempfile::tempdir().unwrap();
        let media = Media::open(data.path(), 1).unwrap();
        let mut file = media.put("ab12.png").await.unwrap();
        file.write(b"x").await.unwrap();
        file.finish().await.unwrap();
        let small = media.version("ab12.png", Size::Small, Format::Png);
        media.keep("ab12.png", &small, b"y").unwrap();
        assert_eq!(fs::read(&small).unwrap(), b"y");
        let root = data.path().join("media");
        assert_eq!([&root, &root.join("drafts"), &root.join("ab")].map(|path| mode(path)), [0o700; 3]);
        assert_eq!([&media.path("ab12.png"), &small].map(|path| mode(path)), [0o600; 2]);
    }
}
