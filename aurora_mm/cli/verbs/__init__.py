"""One module for each verb. ``make_demo_data.py`` is ``aurora-mm make-demo-data``.

A module must have a docstring, whose first line is the help of the verb, and the functions ``add_arguments`` and
``main``, see :func:`aurora_mm.cli.command.command`. To add a verb, add a module.
"""
