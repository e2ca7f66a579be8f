"""Networks that read sequences step by step."""
