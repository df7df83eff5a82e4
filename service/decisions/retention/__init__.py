"""Takes records out of the log: what expires and what is erased, under notes, and never what is held."""
