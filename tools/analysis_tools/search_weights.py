"""`aurora-mm search-weights` as a script."""

from aurora_mm.cli.verbs.search_weights import main

if __name__ == '__main__':
    main()
