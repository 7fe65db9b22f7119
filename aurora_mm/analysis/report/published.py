"""Published scores for comparison with a run. None was measured on the user's data; each says on which data.

The log of the public code is that of an earlier version (Qwen2.5-VL-7B encoder) at its best epoch, on its own 80/20
split of the challenge's training images, in which images of one patient can be in both parts. The other entries report
the official validation set of the challenge, in different phases of it.
"""

from __future__ import annotations

from typing import NamedTuple

PUBLIC_CODE = "AURORA's public code, best epoch of its log, own 80/20 split"

# The headline score of each task; landmarks have another score there.
PUBLIC_CODE_LOG = {
    'fetal_head': 0.960,
    'head_symphysis_multi': 0.943,
    'carotid_artery': 0.906,
    'cervix_multi': 0.900,
    'fetal_heart': 0.881,
    'cardiac_multi': 0.876,
    'lung': 0.854,
    'cervix': 0.854,
    'breast_lesion': 0.837,
    'fetal_abdomen_multi': 0.808,
    'ovary_tumor': 0.790,
    'thyroid_nodule': 0.789,
    'organ_cls': 1.0,
    'fetal_plane_cls': 0.933,
    'liver_lesion_2cls': 0.895,
    'breast_3cls': 0.857,
    'fetal_head_pos_cls': 0.853,
    'breast_2cls': 0.829,
    'lung_disease_3cls': 0.787,
    'fetal_sacral_pos_cls': 0.708,
    'lung_2cls': 0.600,
    'spinal_cord_injury_loc': 0.838,
    'thyroid_nodule_det': 0.714,
    'uterine_fibroid_det': 0.710,
}


class Entry(NamedTuple):
    """The published scores of an entry of the challenge.

    Args:
        name: Name of the entry.
        what: The method in a few words.
        means: Scores of each task type, averaged over the challenge's tasks; HD and MRE in pixels.
    """

    name: str
    what: str
    means: dict[str, dict[str, float]]


ENTRIES = (
    Entry(
        'USTri',
        'TransUNet, heads per data set, heatmaps',
        dict(
            segmentation=dict(DSC=0.898, HD=27.2),
            classification=dict(AUC=0.935, F1_macro=0.859, MCC=0.768),
            detection=dict(IoU=0.800),
            landmark=dict(MRE=18.4),
        ),
    ),
    Entry(
        'FMC_UIA_Deeper',
        'two ConvNeXt-B, fixed task weights',
        dict(
            segmentation=dict(DSC=0.893, HD=30.1),
            classification=dict(AUC=0.919, F1_macro=0.821, MCC=0.722),
            detection=dict(IoU=0.765),
            landmark=dict(MRE=32.0),
        ),
    ),
    Entry(
        'baseline',
        "the challenge's, on 15 % of the images",
        dict(
            segmentation=dict(DSC=0.798, HD=72.1),
            classification=dict(AUC=0.874, F1_macro=0.904, MCC=0.866),
            detection=dict(IoU=0.398),
            landmark=dict(MRE=90.4),
        ),
    ),
)
