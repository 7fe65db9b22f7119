"""The default codes against pydicom's copy of the standard's context groups."""

import pytest

from aurora_mm.dicom import default_codes
from aurora_mm.dicom.codes import unit_code

concepts = pytest.importorskip('pydicom.sr._concepts_dict').concepts

TABLES = ('STRUCTURES', 'FINDINGS', 'ANSWERS', 'QUANTITIES', 'MEASUREMENT_TYPES')


@pytest.mark.parametrize('table', TABLES)
def test_codes_are_the_standards(table):
    codes = [*getattr(default_codes, table).values(), default_codes.ANATOMY, default_codes.ABNORMAL]
    for value, scheme, meaning in codes:
        known = {meanings[value][0] for meanings in concepts[scheme].values() if value in meanings}
        assert meaning in known, (value, meaning, known)


@pytest.mark.parametrize('table', TABLES[:3])
def test_names_are_plain(table):
    assert all(name == name.lower() and '_' not in name for name in getattr(default_codes, table))


@pytest.mark.parametrize(
    ('unit', 'value'),
    [('mm', 'mm'), ('mm2', 'mm2'), ('deg', 'deg'), ('px', '{pixels}'), ('', '1'), ('weeks', 'wk'), ('p{ts', '{pts}')],
)
def test_units_are_ucum(unit, value):
    assert unit_code(unit)[:2] == (value, 'UCUM')
