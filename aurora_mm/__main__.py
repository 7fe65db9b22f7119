"""``python -m aurora_mm VERB``: the same as ``aurora-mm VERB``."""

from aurora_mm.cli.main import main

if __name__ == '__main__':
    main()
