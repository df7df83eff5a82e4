"""The policy language: text in, decisions out. Imports the standard library and Lark only."""
