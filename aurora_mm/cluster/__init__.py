"""Jobs of a cluster's scheduler."""
