"""Principals, resources, roles and relations: the stored facts, read for decisions, written, imported and exported."""
