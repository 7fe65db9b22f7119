"""Data as people have it, found out and written in the layout that training reads."""

from aurora_mm.importing.build_data import find_recipe_tasks
from aurora_mm.importing.checksums import compare_checksums
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.import_data import find_tasks, table_of, without_lone_split, write_tasks
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.layouts import LAYOUTS
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.recipe import Recipe, RecipeSource, read_recipe, recipe_names

__all__ = [
    'LAYOUTS',
    'FoundRow',
    'FoundTask',
    'ImportOptions',
    'Layout',
    'Recipe',
    'RecipeSource',
    'compare_checksums',
    'find_recipe_tasks',
    'find_tasks',
    'read_recipe',
    'recipe_names',
    'table_of',
    'without_lone_split',
    'write_tasks',
]
