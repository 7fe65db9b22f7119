"""The command line ``aurora-mm VERB``: one small file for each verb under :mod:`aurora_mm.cli.verbs`.

Importing these modules is fast. Slow modules such as torch are only imported inside the function that runs a verb, so
``--help`` and errors about arguments take no time.
"""
