"""Image files of every kind as 8-bit pixels, by stated rules."""
