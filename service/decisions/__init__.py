"""The record: what was decided, kept before the answer and found afterwards."""
