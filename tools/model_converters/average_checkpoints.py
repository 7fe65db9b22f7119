"""`aurora-mm average-checkpoints` as a script."""

from aurora_mm.cli.verbs.average_checkpoints import main

if __name__ == '__main__':
    main()
