"""Layers and arithmetic that two families or more use."""
