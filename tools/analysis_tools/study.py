"""`aurora-mm study` as a script."""

from aurora_mm.cli.verbs.study import main

if __name__ == '__main__':
    main()
