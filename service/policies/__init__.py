"""Bundles: policy files in, the policies in force out."""
