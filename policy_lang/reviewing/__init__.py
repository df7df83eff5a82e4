"""What a reviewer is shown of a bundle: what changed between two, which decisions change, who may do what."""
