"""Data roots whose images and masks are packed in shards: large tar files that are read by position."""
