"""The router, which says for which of a model's tasks an image is meant."""
