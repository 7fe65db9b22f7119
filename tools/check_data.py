"""`aurora-mm check-data` as a script."""

from aurora_mm.cli.verbs.check_data import main

if __name__ == '__main__':
    main()
