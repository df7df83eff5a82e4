"""The built-in module `magistrate`: who may ask, read, write and administer this service."""
