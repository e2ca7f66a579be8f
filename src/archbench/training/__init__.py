"""Training: one loop for all tasks, compiled by XLA, resumable to the bit."""
