"""`aurora-mm serve-api` as a script."""

from aurora_mm.cli.verbs.serve_api import main

if __name__ == '__main__':
    main()
