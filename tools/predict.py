"""`aurora-mm predict` as a script."""

from aurora_mm.cli.verbs.predict import main

if __name__ == '__main__':
    main()
