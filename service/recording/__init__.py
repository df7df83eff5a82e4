"""What a record may hold of a decision, and which decisions are recorded at all."""
