"""The law in code: what expressions and conditions come to, read naively, unknowns with their causes."""
