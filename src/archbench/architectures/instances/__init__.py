"""Networks that find objects and the mask of each."""
