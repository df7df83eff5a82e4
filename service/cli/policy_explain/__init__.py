"""`magistrate policy explain`: decides a question by policy files, offline, and shows how that comes about."""
