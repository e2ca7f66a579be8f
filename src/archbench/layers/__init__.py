"""Layers and arithmetic on tensors that know nothing of parts: parts, initializers and networks build on them."""
