"""The databases: engines, tables, migrations; the only room that knows a dialect."""
