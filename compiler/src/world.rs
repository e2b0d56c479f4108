//! The compiler's only door to files.

/// Reads the texts that a spec refers to.
pub trait World {
    /// The text at a path relative to the working folder, or why it cannot be had.
    ///
    /// # Errors
    /// A sentence in lower case, fit for a diagnostic.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// A world of texts in memory, for tests and editors.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub std::collections::BTreeMap<String, String>);

impl World for Texts {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| format!("no file `{path}`"))
    }
}
