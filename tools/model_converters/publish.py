"""`aurora-mm publish` as a script."""

from aurora_mm.cli.verbs.publish import main

if __name__ == '__main__':
    main()
