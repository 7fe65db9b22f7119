"""`aurora-mm make-phantoms` as a script."""

from aurora_mm.cli.verbs.make_phantoms import main

if __name__ == '__main__':
    main()
