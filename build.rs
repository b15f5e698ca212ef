//! Packs what the program serves as it was written: the pages in `static/`, and the API descriptions in `docs/`.
//!
//! `src/api/packed.rs` has a table of them.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// Files below a folder, in the order of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}

/// A line of the table, and the file it names.
fn pack(path: &Path, name: &str, out: &Path, table: &mut String) -> io::Result<()> {
    let plain = fs::read(path)?;
    let mut crc = Crc::new();
    crc.update(&plain);
    let packed = out.join(format!("{}.gz", name.replace('/', "-")));
    let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
    encoder.write_all(&plain)?;
    encoder.finish()?;
    let tag = format!("{:08x}{:x}", crc.sum(), plain.len());
    writeln!(table, "    File {{ name: {name:?}, tag: {tag:?}, packed: include_bytes!({packed:?}) }},")
        .expect("memory");
    Ok(())
}

fn main() -> io::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=static");
    let mut table = "[\n".to_owned();
    for path in files(Path::new("static"))? {
        let name = path.strip_prefix("static").expect("it is below").to_str().expect("a plain name").replace('\\', "/");
        pack(&path, &name, &out, &mut table)?;
    }
    for (path, name) in [("docs/openapi.json", "/openapi.json"), ("docs/admin-openapi.json", "/admin/openapi.json")] {
        println!("cargo::rerun-if-changed={path}");
        pack(Path::new(path), name, &out, &mut table)?;
    }
    table.push(']');
    fs::write(out.join("files.rs"), table)
}
