"""`aurora-mm ablation` as a script."""

from aurora_mm.cli.verbs.ablation import main

if __name__ == '__main__':
    main()
