"""`aurora-mm get-flops` as a script."""

from aurora_mm.cli.verbs.get_flops import main

if __name__ == '__main__':
    main()
