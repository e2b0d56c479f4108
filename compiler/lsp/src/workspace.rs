//! The documents that are open in the editor, laid over the files, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reckon_compiler::modules::Readings;
use reckon_compiler::world::World;
use reckon_grammar::diagnostic::Diagnostic;

use crate::data::{Data, Looked};
use crate::ide::Analysis;
use crate::ide::position::{Lines, Position};

/// An open document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As the editor calls it.
    pub uri: String,
    /// The editor's count of changes.
    pub version: i32,
    /// What it holds now.
    pub text: String,
}

/// A change of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is replaced; `None` replaces everything.
    pub range: Option<(Position, Position)>,
    /// What is put there.
    pub text: String,
}

/// All open documents by path, and the latest analyses of them.
pub struct Workspace<'w> {
    files: &'w dyn World,
    data: &'w dyn Data,
    looked: Looked,
    /// Where the library lies as files, as a path with a slash at its end.
    library: String,
    documents: BTreeMap<String, Document>,
    readings: Readings,
    analyses: BTreeMap<String, Arc<Analysis>>,
    stale: BTreeSet<String>,
}

impl<'w> Workspace<'w> {
    /// A workspace without documents over files and data. `library` is the folder in which the library's files lie.
    pub fn new(files: &'w dyn World, data: &'w dyn Data, library: &str) -> Self {
        Self {
            files,
            data,
            looked: Looked::default(),
            library: format!("{}/", library.trim_end_matches('/')),
            documents: BTreeMap::new(),
            readings: Readings::default(),
            analyses: BTreeMap::new(),
            stale: BTreeSet::new(),
        }
    }

    /// Opens a document, or replaces it. Data are looked at anew.
    pub fn open(&mut self, path: &str, document: Document) {
        self.looked.forget();
        self.documents.insert(path.to_owned(), document);
        self.touch(path);
    }

    /// Applies changes in order, each to the text that the one before left. Changes of a document that is not open are
    /// not ours to keep.
    pub fn change(&mut self, path: &str, version: i32, changes: Vec<Change>) {
        let Some(document) = self.documents.get_mut(path) else {
            return;
        };
        document.version = version;
        for change in changes {
            apply(&mut document.text, change);
        }
        self.touch(path);
    }

    /// Closes a document; its file counts again.
    pub fn close(&mut self, path: &str) {
        self.documents.remove(path);
        self.analyses.remove(path);
        self.touch(path);
        self.stale.remove(path);
    }

    /// A file changed on disk, or an open document did: every analysis that read it is out of date, and so is every one
    /// that lacks a file.
    pub fn touch(&mut self, path: &str) {
        let readers = self
            .analyses
            .iter()
            .filter(|(_, analysis)| analysis.reads(path) || analysis.lacks_a_file());
        self.stale.extend(readers.map(|(reader, _)| reader.clone()));
        if self.documents.contains_key(path) {
            self.stale.insert(path.to_owned());
        }
    }

    /// Brings the analyses that are out of date up to date and gives their paths. They are not lowered yet.
    pub fn refresh(&mut self) -> BTreeSet<String> {
        let stale = std::mem::take(&mut self.stale);
        for path in &stale {
            let mut analysis = self.analyse(path);
            let sources = &analysis.checked.data;
            analysis.data = self.looked.known(self.data, path, sources);
            self.analyses.insert(path.clone(), Arc::new(analysis));
        }
        stale
    }

    /// An analysis to be lowered elsewhere.
    pub fn share(&self, path: &str) -> Option<Arc<Analysis>> {
        self.analyses.get(path).map(Arc::clone)
    }

    /// Takes in what lowering an analysis found. Gives whether that is news: it found something, and the text is still the
    /// one that was lowered.
    pub fn lowered(&mut self, path: &str, of: Arc<Analysis>, found: Vec<Diagnostic>) -> bool {
        let Some(kept) = self.analyses.get_mut(path) else {
            return false;
        };
        let current = Arc::ptr_eq(kept, &of);
        drop(of);
        match Arc::get_mut(kept) {
            Some(analysis) if current && !found.is_empty() => {
                analysis.findings.extend(found);
                true
            }
            Some(_) | None => false,
        }
    }

    fn analyse(&mut self, path: &str) -> Analysis {
        let overlay = Overlay {
            documents: &self.documents,
            files: self.files,
        };
        match path.strip_prefix(&self.library) {
            Some(name) => Analysis::of_library(name),
            None => Analysis::of_checked(&overlay, path, &mut self.readings),
        }
    }

    /// What is known of an open document.
    pub fn analysis(&self, path: &str) -> Option<&Analysis> {
        self.analyses.get(path).map(Arc::as_ref)
    }

    /// The analyses of all open documents.
    pub fn analyses(&self) -> impl Iterator<Item = (&str, &Analysis)> {
        self.analyses
            .iter()
            .map(|(path, analysis)| (path.as_str(), analysis.as_ref()))
    }

    /// An open document.
    pub fn document(&self, path: &str) -> Option<&Document> {
        self.documents.get(path)
    }

    /// The path of a file of a compilation: library files have theirs in the library's folder.
    pub fn path_of(
        &self,
        name: &str,
        analysis: &Analysis,
        file: reckon_grammar::span::FileId,
    ) -> String {
        match analysis.is_library(file) {
            true => format!("{}{name}", self.library),
            false => name.to_owned(),
        }
    }
}

fn apply(text: &mut String, change: Change) {
    let Some((start, end)) = change.range else {
        *text = change.text;
        return;
    };
    let lines = Lines::new(text);
    let (start, end) = (lines.offset(text, start), lines.offset(text, end));
    text.replace_range(start.min(end)..end.max(start), &change.text);
}

/// Open documents before files.
struct Overlay<'a> {
    documents: &'a BTreeMap<String, Document>,
    files: &'a dyn World,
}

impl World for Overlay<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        match self.documents.get(path) {
            Some(document) => Ok(document.text.clone()),
            None => self.files.read(path),
        }
    }
}
