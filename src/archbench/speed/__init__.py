"""How fast training, tracking and sweeping are, each against the plain way of doing the same."""
