"""All that is the FMC-UIA challenge's own: its CSV layout, submissions, scorer and container."""
