"""`aurora-mm import-data` as a script."""

from aurora_mm.cli.verbs.import_data import main

if __name__ == '__main__':
    main()
