"""`aurora-mm export` as a script."""

from aurora_mm.cli.verbs.export import main

if __name__ == '__main__':
    main()
