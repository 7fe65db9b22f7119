"""`aurora-mm make-demo-data` as a script."""

from aurora_mm.cli.verbs.make_demo_data import main

if __name__ == '__main__':
    main()
