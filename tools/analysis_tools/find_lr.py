"""`aurora-mm find-lr` as a script."""

from aurora_mm.cli.verbs.find_lr import main

if __name__ == '__main__':
    main()
