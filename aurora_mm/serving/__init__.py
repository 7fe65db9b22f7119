"""The JSON API of ``aurora-mm serve-api``: predictions for other programs, in the format of ``predictions.json``."""
