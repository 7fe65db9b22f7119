"""`aurora-mm build-data` as a script."""

from aurora_mm.cli.verbs.build_data import main

if __name__ == '__main__':
    main()
