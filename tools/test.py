"""`aurora-mm test` as a script."""

from aurora_mm.cli.verbs.test import main

if __name__ == '__main__':
    main()
