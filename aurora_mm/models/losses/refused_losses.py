"""Losses of mmdet and mmseg that no head of this package can use, and the reasons."""

from aurora_mm.refusals import Refusals

_EMBEDDINGS = 'it compares embeddings, which these heads do not make'
_TEACHER = 'it learns from a teacher network'

REFUSED_LOSSES = Refusals(
    dict(
        AssociativeEmbeddingLoss=_EMBEDDINGS,
        BoundaryLoss='it wants maps of boundaries, which mmseg.PIDNet makes',
        DistributionFocalLoss='it wants a distribution over distances for each side of a box; use it in mmdet.GFLHead',
        EQLV2Loss='it wants logits with a background class; use it in the bbox_head of a detector of mmdet',
        GHMC='it wants a weight for each label, as anchor heads have them; use it in mmdet.RetinaHead',
        GHMR='it wants a weight for each label, as anchor heads have them; use it in mmdet.RetinaHead',
        GaussianFocalLoss='it wants probabilities instead of logits; use it in mmdet.CenterNetHead',
        HuasdorffDisstanceLoss='it is higher for a right mask than for a wrong one',
        KnowledgeDistillationKLDivLoss=_TEACHER,
        SeesawLoss='it wants two more logits, for object or not; use it in the bbox_head of a detector of mmdet',
        SiLogLoss='it is for depth',
        TripletLoss=_EMBEDDINGS,
    )
)
