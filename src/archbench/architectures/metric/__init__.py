"""Networks that compare: embeddings, and what is made of two of them."""
