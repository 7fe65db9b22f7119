"""`aurora-mm split-data` as a script."""

from aurora_mm.cli.verbs.split_data import main

if __name__ == '__main__':
    main()
