"""Sessions: opaque tokens that end by themselves, sooner where nobody uses them, or when somebody ends them."""
