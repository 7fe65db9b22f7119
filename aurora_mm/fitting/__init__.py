"""Fits calibrations and routers to trained models, and writes them into their checkpoints."""
