-- Run by the image of PostgreSQL when its data folder is new. The log has a database of its own (docs/operations.md).
CREATE DATABASE magistrate_log OWNER magistrate;
