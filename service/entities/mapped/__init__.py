"""Facts in the application's own tables."""
