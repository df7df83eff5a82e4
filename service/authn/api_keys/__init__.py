"""API keys of machines, and personal access tokens of people: made, verified, rotated, revoked."""
