seed = 42
