"""`aurora-mm fold-table` as a script."""

from aurora_mm.cli.verbs.fold_table import main

if __name__ == '__main__':
    main()
