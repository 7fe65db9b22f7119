"""`aurora-mm submit` as a script."""

from aurora_mm.cli.verbs.submit import main

if __name__ == '__main__':
    main()
