"""`aurora-mm compare` as a script."""

from aurora_mm.cli.verbs.compare import main

if __name__ == '__main__':
    main()
