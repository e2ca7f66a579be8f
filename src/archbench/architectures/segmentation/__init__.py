"""Networks that tell the class of every pixel."""
