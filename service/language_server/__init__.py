"""The language server: what editors show beside policy text, told over the Language Server Protocol."""
