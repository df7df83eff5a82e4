"""Follows what other processes write, so that what this one keeps in memory is never older than is said."""
