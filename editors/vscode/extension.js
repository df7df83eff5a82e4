// Starts `magistrate policy lsp` for policy files, and stops it with the window.

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const command = workspace.getConfiguration("magistrate").get("command");
  client = new LanguageClient(
    "magistrate",
    "Magistrate policies",
    { command, args: ["policy", "lsp"] },
    { documentSelector: [{ language: "policy" }] }
  );
  return client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
