"""`aurora-mm browse-dataset` as a script."""

from aurora_mm.cli.verbs.browse_dataset import main

if __name__ == '__main__':
    main()
