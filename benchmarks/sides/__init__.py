"""What is measured side by side: how each side is asked, loaded, and held to its right answers."""
