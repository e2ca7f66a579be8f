"""Sweeps: studies of arms at equal budget, by Optuna."""
