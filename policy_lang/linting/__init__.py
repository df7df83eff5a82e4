"""Finds in sound policies what their authors can hardly have meant."""
