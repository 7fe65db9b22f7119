"""Code that is specific to the FMC-UIA challenge: CSV layout, submissions, scorer and container."""
