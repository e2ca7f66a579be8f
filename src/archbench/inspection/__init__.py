"""A look at a data set before anything trains on it: a page of examples, counts, and what is odd."""
