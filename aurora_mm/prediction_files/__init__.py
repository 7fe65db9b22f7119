"""Predictions of a model for files, written to a folder."""
