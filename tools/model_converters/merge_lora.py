"""`aurora-mm merge-lora` as a script."""

from aurora_mm.cli.verbs.merge_lora import main

if __name__ == '__main__':
    main()
