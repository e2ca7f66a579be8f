"""Blocks that two families or more build from parts."""
