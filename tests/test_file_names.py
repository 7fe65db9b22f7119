"""What pytest needs of the names of test files."""

from collections import Counter
from pathlib import Path


def test_test_files_of_different_folders_have_different_names():
    """Folders of tests are no packages, so that pytest takes two files of one name for one module."""
    names = Counter(file.name for file in Path(__file__).parent.glob('*/**/test_*.py'))
    assert {name: count for name, count in names.items() if count > 1} == {}
