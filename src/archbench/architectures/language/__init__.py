"""Networks that learn words and texts."""
