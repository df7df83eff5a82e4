"""Wires what each process runs; the only room that knows every concrete class."""
