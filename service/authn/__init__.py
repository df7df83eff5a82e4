"""Turns credentials into who they name."""
