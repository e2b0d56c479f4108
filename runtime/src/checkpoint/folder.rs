//! A folder of files with a manifest, written so that it is whole or not there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use reckon_torch::Stored;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::tensors;

const MANIFEST: &str = "manifest.json";
const VERSION: u64 = 1;

/// Files by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What a file holds.
pub(super) enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Tensors; they are written one by one, as a copy of them all may be large.
    Tensors(&'a [Stored]),
}

/// What is wrong with a folder.
pub(super) enum Fault {
    /// There is none.
    Absent,
    /// A file is not what was written.
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Fault {
    pub(super) fn damaged(file: &str, why: &str) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            why: why.to_owned(),
        }
    }
}

/// Writes all files, then the manifest, then puts the folder in its place.
pub(super) fn write(folder: &Path, files: &BTreeMap<&str, Content<'_>>) -> io::Result<()> {
    let (fresh, old) = (folder.with_extension("new"), folder.with_extension("old"));
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    remove(&fresh)?;
    fs::create_dir(&fresh)?;
    let mut hashes = Map::new();
    for (name, content) in files {
        let path = fresh.join(name);
        let (hash, bytes) = match content {
            Content::Bytes(bytes) => {
                write_synced(&path, bytes)?;
                (hash(bytes), bytes.len() as u64)
            }
            Content::Tensors(tensors) => {
                tensors::write(tensors, &path)?;
                File::open(&path)?.sync_all()?;
                hash_of_file(&path)?
            }
        };
        hashes.insert(
            (*name).to_owned(),
            json!({ "sha256": hash, "bytes": bytes }),
        );
    }
    let manifest = json!({ "version": VERSION, "files": hashes });
    write_synced(&fresh.join(MANIFEST), format!("{manifest:#}\n").as_bytes())?;
    sync_folder(&fresh)?;
    // A folder cannot be renamed onto one that is not empty. Until the second rename `read` finds the old one.
    if folder.exists() {
        remove(&old)?;
        fs::rename(folder, &old)?;
    }
    fs::rename(&fresh, folder)?;
    if let Some(parent) = folder.parent() {
        sync_folder(parent)?;
    }
    remove(&old)
}

/// All files of the folder, checked against the manifest.
pub(super) fn read(folder: &Path) -> Result<Files, Fault> {
    let folder = complete(folder).ok_or(Fault::Absent)?;
    let text = fs::read(folder.join(MANIFEST))
        .map_err(|error| Fault::damaged(MANIFEST, &error.to_string()))?;
    let broken = || Fault::damaged(MANIFEST, "is not a manifest of version 1");
    let manifest: Value = serde_json::from_slice(&text).map_err(|_| broken())?;
    if manifest.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(broken());
    }
    let listed = manifest
        .get("files")
        .and_then(Value::as_object)
        .ok_or_else(broken)?;
    listed
        .iter()
        .map(|(name, entry)| Ok((name.clone(), read_checked(&folder, name, entry)?)))
        .collect()
}

/// The folder, or the one that was to be replaced when the process died in between; whichever has a manifest.
pub(super) fn complete(folder: &Path) -> Option<PathBuf> {
    places(folder)
        .into_iter()
        .find(|folder| folder.join(MANIFEST).is_file())
}

/// Where a folder can be: in its place, or beside it while it is replaced.
pub(super) fn places(folder: &Path) -> [PathBuf; 2] {
    [folder.to_owned(), folder.with_extension("old")]
}

fn read_checked(folder: &Path, name: &str, entry: &Value) -> Result<Vec<u8>, Fault> {
    let bytes = fs::read(folder.join(name)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::damaged(name, "is missing"),
        _ => Fault::damaged(name, &error.to_string()),
    })?;
    let size = entry.get("bytes").and_then(Value::as_u64);
    if size != Some(bytes.len() as u64) {
        let expected = size.map_or_else(|| "no number".to_owned(), |size| size.to_string());
        let why = format!("has {} bytes, the manifest says {expected}", bytes.len());
        return Err(Fault::Damaged {
            file: name.to_owned(),
            why,
        });
    }
    if entry.get("sha256").and_then(Value::as_str) != Some(hash(&bytes).as_str()) {
        return Err(Fault::damaged(
            name,
            "has another hash than the manifest says",
        ));
    }
    Ok(bytes)
}

/// SHA-256 in hexadecimal.
fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a file, and its length.
fn hash_of_file(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let (mut digest, mut length) = (Sha256::new(), 0);
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((hexadecimal(&digest.finalize()), length));
        }
        digest.update(&piece[..read]);
        length += read as u64;
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder durable. Only Unix can open a folder for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
