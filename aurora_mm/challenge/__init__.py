"""The CSV files of FMC-UIA's layout: columns, cells and an index that is read once."""
