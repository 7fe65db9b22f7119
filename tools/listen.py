"""`aurora-mm listen` as a script."""

from aurora_mm.cli.verbs.listen import main

if __name__ == '__main__':
    main()
