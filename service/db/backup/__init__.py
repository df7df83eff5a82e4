"""Backups: both databases copied while they are in use, with a manifest by which a copy is checked."""
