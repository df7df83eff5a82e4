"""The processes: a supervisor, the worker that answers, and the background process that ships the record."""
