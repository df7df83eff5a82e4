"""The canonical layout of policy text: one for every text that says the same in the same paragraphs and comments."""
