"""Makes ``evaluation_samples`` importable from the folders below this one: pytest adds a conftest's own folder."""
