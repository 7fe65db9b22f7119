"""Functions and layers that several modules of the model use."""
