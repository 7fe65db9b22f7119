"""What is missing is said by name, with the command that installs it."""

import sys

import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.extras import require_extra


def test_the_first_missing_package_is_named(monkeypatch):
    require_extra('demo', 'the page', 'json', 'csv')
    monkeypatch.setitem(sys.modules, 'csv', None)
    with pytest.raises(ConfigError, match=r"^the page needs csv: pip install 'aurora_mm\[demo\]'$"):
        require_extra('demo', 'the page', 'json', 'csv', 'no_such_package')
