"""`aurora-mm pack-model` as a script."""

from aurora_mm.cli.verbs.pack_model import main

if __name__ == '__main__':
    main()
