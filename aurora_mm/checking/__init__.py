"""Data looked at before training: what would stop it, and what looks wrong."""

from aurora_mm.checking.check_data import DataReport, check_data
from aurora_mm.checking.html_page import write_html_page
from aurora_mm.checking.problem import Problem

__all__ = ['DataReport', 'Problem', 'check_data', 'write_html_page']
