"""`aurora-mm score` as a script."""

from aurora_mm.cli.verbs.score import main

if __name__ == '__main__':
    main()
