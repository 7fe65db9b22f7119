"""Studies of finished runs, and of configs before they run: none of it is needed to train or to test."""
