//! The part of the extension that runs in Zed: it says how the language server is started. Colours, outline and indents come from the
//! grammar and the queries beside it.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{
    Command, Extension, LanguageServerId, Result, Worktree, register_extension,
};

struct Reckon;

impl Extension for Reckon {
    fn new() -> Self {
        Self
    }

    /// `reckon lsp`; the setting `lsp.reckon.binary` names another command, arguments or environment.
    fn language_server_command(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Command> {
        let own = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let (path, arguments, environment) = match own {
            Some(binary) => (binary.path, binary.arguments, binary.env),
            None => (None, None, None),
        };
        let command = path.or_else(|| worktree.which("reckon")).ok_or(
            "`reckon` is not on the PATH; the setting `lsp.reckon.binary.path` says where it is",
        )?;
        Ok(Command {
            command,
            args: arguments.unwrap_or_else(|| vec!["lsp".to_string()]),
            env: environment.map_or_else(|| worktree.shell_env(), |own| own.into_iter().collect()),
        })
    }
}

register_extension!(Reckon);
