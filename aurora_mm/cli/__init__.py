"""The command line ``aurora-mm VERB``: one small file for each verb under :mod:`aurora_mm.cli.verbs`.

The modules of this package import nothing heavy when they are imported: what a verb needs is imported inside the
function that carries it out. ``--help`` and a wrong argument are thus answered at once, without torch.
"""
