"""The authorization service: verifies callers, fetches facts, decides, records, answers."""
