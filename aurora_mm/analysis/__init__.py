"""Analysis of finished runs, and of configs before they run. Training and testing do not need it."""
