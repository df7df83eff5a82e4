"""A bundle as a page that people read: what there is, who may do what, and by which rules."""
