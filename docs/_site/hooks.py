"""What MkDocs does beside building the pages of docs/ as they are.

- The first page is the README.
- Links to files of the repository lead to pages that show these files, so they work on GitHub and on the site.
- The reference is a page for each package of PACKAGES, made from its `__all__`; mkdocstrings reads the docstrings.
- Pages that mkdocs.yml does not place in the navigation stand under "More".
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[2]
PACKAGES = {
    'Using trained models': ['aurora_mm.apis', 'aurora_mm.checkpoints', 'aurora_mm.measurements'],
    'Tasks and data': [
        *('aurora_mm.structures', 'aurora_mm.datasets', 'aurora_mm.datasets.transforms', 'aurora_mm.datasets.samplers'),
        *('aurora_mm.importing', 'aurora_mm.checking', 'aurora_mm.splitting', 'aurora_mm.converters'),
        'aurora_mm.phantoms',
    ],
    'Models': [
        *('aurora_mm.models', 'aurora_mm.models.backbones', 'aurora_mm.models.necks', 'aurora_mm.models.heads'),
        *('aurora_mm.models.codecs', 'aurora_mm.models.losses', 'aurora_mm.models.balancers'),
        *('aurora_mm.models.adapters', 'aurora_mm.models.test_time_augs', 'aurora_mm.models.interop'),
    ],
    'Training and scores': [
        *('aurora_mm.engine.hooks', 'aurora_mm.engine.optim', 'aurora_mm.evaluation', 'aurora_mm.evaluation.metrics'),
        *('aurora_mm.baselines', 'aurora_mm.visualization', 'aurora_mm.submission'),
    ],
}
_LINK = re.compile(r'(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))')
_FENCE = re.compile(r'^ *```.*?^ *```', re.MULTILINE | re.DOTALL)
_LANGUAGES = {'.py': 'python', '.sh': 'bash', '.json': 'json', '.yml': 'yaml', '.toml': 'toml', '.css': 'css'}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    def add(path: str, content: str, in_nav: bool = True) -> None:
        level = InclusionLevel.INCLUDED if in_nav else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, path, content=content, inclusion=level))

    docs = Path(config.docs_dir)
    pages = sorted(docs.rglob('*.md'))
    add('index.md', readme())
    for section in PACKAGES.values():
        for package in section:
            add(reference_page(package), reference(package))
    for target in sorted(set(linked_files(pages))):
        add(source_page(target), source(target), in_nav=False)
    place_the_rest(config, [page.relative_to(docs).as_posix() for page in pages])
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    if page.file.src_uri == 'index.md' or page.file.src_uri.startswith(('reference/', 'source/')):
        return markdown
    folder = Path('docs') / Path(page.file.src_uri).parent
    return _outside_fences(markdown, lambda text: _LINK.sub(lambda m: m[1] + new_link(m[2], folder) + m[3], text))


def new_link(link: str, folder: Path) -> str:
    """The link on the site for one of a page in a folder of the repository."""
    target = os.path.normpath(folder / link)
    if target == 'README.md':
        found = 'docs/index.md'
    elif target.startswith('docs') or not (REPO / target).exists():
        found = target  # a page or a picture, or a mistake, which MkDocs reports
    else:
        found = f'docs/{source_page(target)}'
    return posixpath.relpath(found, folder if str(folder).startswith('docs') else 'docs')


def readme() -> str:
    """The README as the first page."""
    text = (REPO / 'README.md').read_text(encoding='utf-8')
    return _outside_fences(text, lambda part: _LINK.sub(lambda m: m[1] + new_link(m[2], Path()) + m[3], part))


def linked_files(pages: list[Path]) -> Iterator[str]:
    """Files and folders outside of docs/ that pages link to, as paths in the repository."""
    for page in [REPO / 'README.md', *pages]:
        text = _FENCE.sub('', page.read_text(encoding='utf-8'))
        for match in _LINK.finditer(text):
            target = os.path.normpath(page.parent / match[2])
            path = os.path.relpath(target, REPO)
            if Path(target).exists() and path != 'README.md' and not path.startswith(('docs', '..')):
                yield path


def source_page(path: str) -> str:
    return f'source/{path}.md'


def source(path: str) -> str:
    """A page that shows a file, or lists a folder."""
    file = REPO / path
    if file.is_dir():
        names = sorted(f'{each.name}/' if each.is_dir() else each.name for each in file.iterdir() if shown(each))
        return f'# {path}\n\n' + '\n'.join(f'- `{name}`' for name in names) + '\n'
    text = file.read_text(encoding='utf-8')
    language = _LANGUAGES.get(file.suffix, 'text')
    return f'# {path}\n\n````{language} linenums="1"\n{text}\n````\n'


def shown(path: Path) -> bool:
    return not path.name.startswith(('.', '__pycache__'))


def reference_page(package: str) -> str:
    return f'reference/{package}.md'


def reference(package: str) -> str:
    """A page with the docstrings of what a package exports, but for what a package inside of it exports."""
    inner = [name for names in PACKAGES.values() for name in names if name.startswith(f'{package}.')]
    elsewhere = {name for other in inner for name in exported(other)}
    names = [name for name in exported(package) if name not in elsewhere]
    about = (ast.get_docstring(_init_of(package)) or '').strip()
    return f'# {package}\n\n{about}\n\n' + '\n\n'.join(f'::: {package}.{name}' for name in names) + '\n'


def exported(package: str) -> list[str]:
    """The names in a package's `__all__`, or of one that imports lazily, in its table of modules."""
    assigned = {
        ast.unparse(node.targets[0]): node.value for node in _init_of(package).body if isinstance(node, ast.Assign)
    }
    if '_MODULES' in assigned:
        modules = ast.literal_eval(assigned['_MODULES'])
        return [f'{module}.{name}' for module, names in modules.items() for name in names]
    return [node.value for node in ast.walk(assigned['__all__']) if isinstance(node, ast.Constant)]


def _init_of(package: str) -> ast.Module:
    return ast.parse((REPO / package.replace('.', '/') / '__init__.py').read_text(encoding='utf-8'))


def place_the_rest(config: MkDocsConfig, pages: list[str]) -> None:
    """Add the reference to the navigation, and the pages that are not in it yet."""
    assert config.nav is not None
    placed = set(re.findall(r"'([\w/.-]+\.md)'", repr(config.nav)))
    rest = [page for page in pages if page not in placed]
    if rest:
        config.nav.append({'More': rest})
    sections = [{title: [reference_page(name) for name in names]} for title, names in PACKAGES.items()]
    config.nav.append({'Reference': sections})


def _outside_fences(text: str, change: Any) -> str:
    parts, end = [], 0
    for match in _FENCE.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return ''.join([*parts, change(text[end:])])
