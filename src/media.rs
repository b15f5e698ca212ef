//! Files of messages on disk, beside the database: put, open, sweep.
//!
//! `<data>/media/ab/abcd….png` holds a file under the random name its row has; small versions of pictures lie next to it.
//! This room knows no rows. What keeps the two together is an order: the row is written before the file, and removed
//! after it, so whatever is on disk is spoken of by a row and goes with it, crash or not. All work on files happens off
//! the request threads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::model::error::{Code, Error, Result};

/// A handle to the folder; cheap to clone.
#[derive(Clone)]
pub struct Media {
    root: Arc<Path>,
    /// As many permits as pictures may be decoded at once: each can take up to [`MOST_MEMORY`].
    permits: Arc<Semaphore>,
    drafts: Arc<AtomicU64>,
}

/// A picture larger than this in one direction, or in memory, is not decoded: a small file can claim to be a huge one.
const MOST_PIXELS: u32 = 16_384;
const MOST_MEMORY: u64 = 192 << 20;

/// Quality of small JPEGs: no difference to be seen at their size.
const QUALITY: u8 = 82;

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
            _ => fs::create_dir_all(&drafts)?,
        }
        Ok(Media {
            root: root.into(),
            permits: Arc::new(Semaphore::new(parallel.max(1))),
            drafts: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Where the file with this name lies, or would.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.get(..2).unwrap_or("00")).join(name)
    }

    /// Begins a file. A row must speak of it already.
    pub async fn put(&self, name: &str) -> Result<Incoming> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        let made = async {
            tokio::fs::create_dir_all(&folder).await?;
            tokio::fs::File::create(&path).await
        };
        let file = made.await.map_err(|e| failed("media file", &e))?;
        Ok(Incoming { file, folder, size: 0 })
    }

    /// The file of a small version of a picture, made now if it was not asked for before. `None`: there is none, because
    /// the picture is small enough itself or cannot be read.
    pub async fn smaller(&self, name: &str, size: Size) -> Option<PathBuf> {
        let media = self.clone();
        let name = name.to_owned();
        if let Some(known) = self.known(&name, size).await {
            return known;
        }
        let _permit = self.permits.acquire().await.ok()?;
        // Somebody else may have made it meanwhile.
        if let Some(known) = self.known(&name, size).await {
            return known;
        }
        let (maker, of) = (media.clone(), name.clone());
        let made = tokio::task::spawn_blocking(move || maker.make_smaller(&of, size)).await;
        match made {
            Ok(Ok(path)) => path,
            Ok(Err(Refused::Disk(error))) => {
                log::error!("small picture: {error}");
                None
            }
            Ok(Err(Refused::Picture)) | Err(_) => {
                // Not tried again. Panics of a decoder count as well.
                let _ = tokio::task::spawn_blocking(move || media.keep(&name, &media.mark(&name), b"")).await;
                None
            }
        }
    }

    /// `Some(None)`: known to have no small version.
    async fn known(&self, name: &str, size: Size) -> Option<Option<PathBuf>> {
        for format in Format::ALL {
            let path = self.version(name, size, format);
            if tokio::fs::try_exists(&path).await.unwrap_or(false) {
                return Some(Some(path));
            }
        }
        tokio::fs::try_exists(self.mark(name)).await.unwrap_or(false).then_some(None)
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
        fs::write(&draft, bytes)?;
        fs::rename(&draft, path)?;
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
