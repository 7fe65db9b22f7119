"""`aurora-mm train` as a script."""

from aurora_mm.cli.verbs.train import main

if __name__ == '__main__':
    main()
