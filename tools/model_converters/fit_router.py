"""`aurora-mm fit-router` as a script."""

from aurora_mm.cli.verbs.fit_router import main

if __name__ == '__main__':
    main()
