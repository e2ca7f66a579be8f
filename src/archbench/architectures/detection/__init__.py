"""Networks that find objects and their boxes."""
