"""As much of JSON Schema as the schema of predictions uses."""

_TYPES = {
    'object': dict,
    'array': list,
    'string': str,
    'integer': int,
    'number': (int, float),
    'null': type(None),
}


def errors(value, schema, root=None, place='$'):
    """What is wrong with a value; nothing in a good one. Raises KeyError for a keyword that it does not know."""
    root = root or schema
    found = []
    for keyword, wanted in schema.items():
        if keyword in ('$schema', 'title', '$defs'):
            continue
        found += _CHECKS[keyword](value, wanted, schema, root, place)
    return found


def _type(value, wanted, schema, root, place):
    kinds = [wanted] if isinstance(wanted, str) else wanted
    fits = not isinstance(value, bool) and any(isinstance(value, _TYPES[kind]) for kind in kinds)
    return [] if fits else [f'{place}: {value!r} is no {kinds}']


def _properties(value, wanted, schema, root, place):
    if not isinstance(value, dict):
        return []
    return [e for key in wanted.keys() & value.keys() for e in errors(value[key], wanted[key], root, f'{place}.{key}')]


def _additional(value, wanted, schema, root, place):
    if not isinstance(value, dict):
        return []
    others = value.keys() - schema.get('properties', {}).keys()
    if wanted is False:
        return [f'{place}: {key} is not known' for key in others]
    return [e for key in others for e in errors(value[key], wanted, root, f'{place}.{key}')]


def _items(value, wanted, schema, root, place):
    if not isinstance(value, list):
        return []
    return [e for i, item in enumerate(value) for e in errors(item, wanted, root, f'{place}[{i}]')]


_CHECKS = {
    'type': _type,
    'properties': _properties,
    'additionalProperties': _additional,
    'items': _items,
    'required': lambda v, w, s, r, p: [f'{p}: no {key}' for key in w if isinstance(v, dict) and key not in v],
    'const': lambda v, w, s, r, p: [] if v == w else [f'{p}: {v!r} is not {w!r}'],
    'enum': lambda v, w, s, r, p: [] if v in w else [f'{p}: {v!r} is none of {w}'],
    'minimum': lambda v, w, s, r, p: [f'{p}: {v} is below {w}'] if isinstance(v, int | float) and v < w else [],
    'minItems': lambda v, w, s, r, p: [f'{p}: under {w} items'] if isinstance(v, list) and len(v) < w else [],
    'maxItems': lambda v, w, s, r, p: [f'{p}: over {w} items'] if isinstance(v, list) and len(v) > w else [],
    '$ref': lambda v, w, s, r, p: errors(v, r['$defs'][w.removeprefix('#/$defs/')], r, p),
}
