"""`aurora-mm report` as a script."""

from aurora_mm.cli.verbs.report import main

if __name__ == '__main__':
    main()
