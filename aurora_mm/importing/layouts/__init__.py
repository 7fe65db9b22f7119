"""The layouts that :func:`aurora_mm.importing.find_tasks` knows, one file each."""

from aurora_mm.importing.layout import Layout
from aurora_mm.importing.layouts.busi import Busi
from aurora_mm.importing.layouts.camus import Camus
from aurora_mm.importing.layouts.class_folders import ClassFolders
from aurora_mm.importing.layouts.coco import Coco
from aurora_mm.importing.layouts.cvat import Cvat
from aurora_mm.importing.layouts.fh_ps_aop import FhPsAop
from aurora_mm.importing.layouts.hc18 import Hc18
from aurora_mm.importing.layouts.image_mask_folders import ImageMaskFolders
from aurora_mm.importing.layouts.label_studio import LabelStudio
from aurora_mm.importing.layouts.label_table import LabelTable
from aurora_mm.importing.layouts.labelme import LabelMe
from aurora_mm.importing.layouts.nnunet_raw import NnUNetRaw
from aurora_mm.importing.layouts.pascal_voc import PascalVoc
from aurora_mm.importing.layouts.tn3k import Tn3k
from aurora_mm.importing.layouts.usgra_seg import UsgraSeg
from aurora_mm.importing.layouts.via import Via
from aurora_mm.importing.layouts.yolo import Yolo

LAYOUTS: tuple[Layout, ...] = (
    Busi(),
    Hc18(),
    Camus(),
    FhPsAop(),
    Tn3k(),
    UsgraSeg(),
    NnUNetRaw(),
    Coco(),
    Cvat(),
    LabelStudio(),
    Via(),
    LabelMe(),
    PascalVoc(),
    Yolo(),
    ImageMaskFolders(),
    LabelTable(),
    ClassFolders(),
)
"""In the order in which they are asked: published data sets first, the most general last."""
