// Starts `reckon lsp` for the documents of a window, and says what to do where the command is not there.

import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

/** Called by the editor when the first `.rec` file is opened. */
export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("reckon.restart", restart),
    workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("reckon.command")) {
        await restart();
      }
    }),
  );
  await start();
}

/** Called by the editor as it closes. */
export async function deactivate(): Promise<void> {
  await stop();
}

async function start(): Promise<void> {
  const command = workspace.getConfiguration("reckon").get<string>("command", "reckon");
  const watcher = workspace.createFileSystemWatcher("**/*.rec");
  const started = new LanguageClient(
    "reckon",
    "Reckon",
    { command, args: ["lsp"] },
    {
      documentSelector: [{ language: "reckon" }],
      synchronize: { fileEvents: watcher },
    },
  );
  try {
    await started.start();
    client = started;
  } catch (error) {
    watcher.dispose();
    const setting = "Open the setting";
    const chosen = await window.showErrorMessage(
      `\`${command} lsp\` cannot be run: ${String(error)}. Put \`reckon\` on the PATH, or say where it is.`,
      setting,
    );
    if (chosen === setting) {
      await commands.executeCommand("workbench.action.openSettings", "reckon.command");
    }
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.dispose();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}
