"""One module for each verb. ``make_demo_data.py`` is ``aurora-mm make-demo-data``.

A module has a docstring, whose first line is the verb's help, ``add_arguments`` and ``main``, see
:func:`aurora_mm.cli.command.command`. A new module is a new verb.
"""
