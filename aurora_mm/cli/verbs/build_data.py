"""Build one data root from several sources, by a recipe that says which images of which source stand in which split.

    aurora-mm build-data us_real data/us_real --source hc18=HC18 busi=Dataset_BUSI_with_GT usgra-seg=usgra-seg
    aurora-mm build-data my_recipe.json data/mine --source clinic=SCANS atlas=ATLAS
    aurora-mm train configs/aurora_us_real.py --data-root data/us_real

Sources are folders in any layout that import-data reads. RECIPE is a JSON file, which docs/data.md explains, or the
name of a recipe of the package: us_real is the data of the README. The sources are not changed. OUT must be new or
empty and appears when all is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.import_output import add_output_arguments, show_and_write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('recipe', metavar='RECIPE', help='JSON file, or the name of a recipe of the package')
    add_output_arguments(parser)
    parser.add_argument(
        '--source',
        nargs='+',
        action='extend',
        default=[],
        metavar='NAME=FOLDER',
        help='folder of each source of the recipe; without it the command says where to get the sources',
    )


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.folders import require_new_folder
    from aurora_mm.importing import compare_checksums, find_recipe_tasks, read_recipe

    require_new_folder(args.out)
    recipe = read_recipe(args.recipe)
    found = find_recipe_tasks(recipe, _folders(args.source))
    for line in compare_checksums(recipe, found):
        print(line)
    show_and_write(found, args)


def _folders(pairs: list[str]) -> dict[str, Path]:
    from aurora_mm.errors import ConfigError

    folders: dict[str, Path] = {}
    for pair in pairs:
        name, mark, folder = pair.partition('=')
        if not mark or not folder or name in folders:
            raise ConfigError(f'--source takes NAME=FOLDER, once for each source, not {pair!r}')
        folders[name] = Path(folder)
    return folders
