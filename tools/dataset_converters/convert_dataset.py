"""`aurora-mm convert-dataset` as a script."""

from aurora_mm.cli.verbs.convert_dataset import main

if __name__ == '__main__':
    main()
