"""Networks that make examples."""
