"""`aurora-mm calibrate` as a script."""

from aurora_mm.cli.verbs.calibrate import main

if __name__ == '__main__':
    main()
