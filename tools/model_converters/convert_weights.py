"""`aurora-mm convert-weights` as a script."""

from aurora_mm.cli.verbs.convert_weights import main

if __name__ == '__main__':
    main()
