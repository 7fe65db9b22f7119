"""aurora-mm as the tests of the documents call it: verb and arguments as documented, with trainings cut short.

Epochs are as many as the config has, so that checkpoints have their documented names, of one batch each.
"""

from __future__ import annotations

import sys

from aurora_mm.cli.main import load_verbs, main
from tests.docs.programs import parsed

CUT = [
    *('train_dataloader.batch_sampler.num_batches=1', 'train_cfg.val_interval=1000'),
    *('train_dataloader.num_workers=0', 'val_dataloader.num_workers=0', 'test_dataloader.num_workers=0'),
    *('val_evaluator.num_workers=0', 'test_evaluator.num_workers=0'),
]

if __name__ == '__main__':
    argv = sys.argv[1:]
    run = load_verbs()[argv[0]].main
    options = getattr(parsed(lambda: run(argv[1:]), argv[1:]), 'cfg_options', None)
    if options is not None:
        documented = {option.partition('=')[0] for option in options}
        place = argv.index('--cfg-options') + 1 if options else len(argv)
        cut = [option for option in CUT if option.partition('=')[0] not in documented]
        argv[place:place] = cut if options else ['--cfg-options', *cut]
    main(argv)
