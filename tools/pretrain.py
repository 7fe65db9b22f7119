"""`aurora-mm pretrain` as a script."""

from aurora_mm.cli.verbs.pretrain import main

if __name__ == '__main__':
    main()
