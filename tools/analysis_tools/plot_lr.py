"""`aurora-mm plot-lr` as a script."""

from aurora_mm.cli.verbs.plot_lr import main

if __name__ == '__main__':
    main()
