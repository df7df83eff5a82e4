"""Text to tree: the grammar, the tree, and every fault of a text that has none."""
