"""Figures: one function a figure, a table in, a matplotlib figure out."""
