"""`aurora-mm serve` as a script."""

from aurora_mm.cli.verbs.serve import main

if __name__ == '__main__':
    main()
