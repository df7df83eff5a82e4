"""A steady load over every door for a long time, while everything changes, and what becomes of the processes."""
