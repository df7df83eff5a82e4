"""How typed rules become Python functions: through syntax nodes, never by pasting text."""
