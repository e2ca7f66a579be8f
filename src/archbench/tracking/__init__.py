"""Tracking: the run folder is the record, MLflow a copy of it."""
