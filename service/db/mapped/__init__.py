"""The application's own tables: what they are, and how they are read."""
