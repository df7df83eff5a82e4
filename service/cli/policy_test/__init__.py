"""`magistrate policy test`: runs the tests that stand in policy files, and reports them and what they cover."""
