"""`aurora-mm make-shards` as a script."""

from aurora_mm.cli.verbs.make_shards import main

if __name__ == '__main__':
    main()
