"""What would flip an answer: one clause that came to something else, and the one fact that would make it so."""
