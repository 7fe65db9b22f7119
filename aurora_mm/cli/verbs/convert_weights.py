"""Turn a published file of weights into a folder that trains as --pretrained.

    aurora-mm convert-weights USFM_latest.pth weights/usfm --as usfm
    aurora-mm convert-weights TinyUSFM.pth weights/tinyusfm --as tinyusfm
    aurora-mm convert-weights FetalCLIP_weights.pt weights/fetalclip --as fetalclip
    aurora-mm convert-weights mae_pretrain_vit_base.pth weights/mae --as mae     # USF-MAE too

The folder is for the backbone HFBackbone and loads with transformers. Sizes are read off the tensors; what they do not
tell is declared by the format unless an argument says otherwise. Formats, sources and licences: docs/encoder.md.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.imports_option import add_imports_option, import_modules
from aurora_mm.cli.trust_option import add_trust_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', metavar='SRC', help='file of weights: .pth, .pt or .safetensors')
    parser.add_argument('folder', metavar='OUT', help='folder to make; must be new or empty')
    parser.add_argument('--as', dest='kind', required=True, metavar='FORMAT', help='usfm, tinyusfm, fetalclip or mae')
    parser.add_argument('--heads', type=int, metavar='N', help='attention heads of a block')
    parser.add_argument('--act', help="activation of the MLP, as transformers calls it, such as 'quick_gelu'")
    parser.add_argument('--eps', type=float, help='epsilon of the layer norms')
    parser.add_argument('--mean', type=float, nargs=3, metavar=('R', 'G', 'B'), help='mean of images in [0, 1]')
    parser.add_argument('--std', type=float, nargs=3, metavar=('R', 'G', 'B'), help='their standard deviation')
    add_imports_option(parser)
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.weight_formats import convert_weights

    import_modules(args.imports)
    options = {name: getattr(args, name) for name in ('heads', 'act', 'eps', 'mean', 'std')}
    written = convert_weights(args.source, args.folder, args.kind, **options)
    sizes = written.sizes
    print(
        f'wrote {args.folder}: {sizes.depth} blocks of {sizes.width} channels and {sizes.heads} heads, patches of '
        f'{sizes.patch} px; {written.left_out} tensors of the file are left out. Licence of the weights: '
        f"{written.licence}.\nUse it as backbone=dict(type='HFBackbone', pretrained='{args.folder}')"
    )
