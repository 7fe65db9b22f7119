"""`aurora-mm extract-encoder` as a script."""

from aurora_mm.cli.verbs.extract_encoder import main

if __name__ == '__main__':
    main()
