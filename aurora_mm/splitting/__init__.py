"""Data split into sides or folds, without leaks between them."""

from aurora_mm.splitting.split_data import SplitReport, split_data

__all__ = ['SplitReport', 'split_data']
