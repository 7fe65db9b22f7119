"""Backbones and necks of mmdet and mmseg that this package's model cannot use, and the reasons."""

from aurora_mm.refusals import Refusals
from aurora_mm.registry import MODELS

_REFUSED = Refusals(
    dict(
        CLRFPN='it is for lanes, and there is no task type for lanes',
        DDRNet='it gives one map in testing and two in training, for its own head mmseg.DDRHead',
        DeconvModule='it is a layer of mmseg.UNet',
        InterpConv='it is a layer of mmseg.UNet',
        PIDNet='it gives one map in testing and three in training, for its own head mmseg.PIDHead',
        RFP='it calls the backbone again, which only mmdet.DetectoRS_ResNet allows; use mmdet.FPN',
        SSDNeck='its last maps fit images of 300 or 512 pixels alone; use mmdet.FPN',
        TridentResNet='it gives three times as many images in training, for mmdet.TridentFasterRCNN',
        VPD='it is a diffusion model that reads texts',
    )
)


def refuse_module(kind: str | type) -> None:
    """Check that a backbone or neck works in this package's model.

    Args:
        kind: Type of the module in its config.

    Raises:
        ConfigError: If it does not. The message gives the type and the reason.
    """
    found = kind if isinstance(kind, type) else MODELS.get(kind)
    if found is not None:  # otherwise building it says that it is not registered
        _REFUSED.check(found, f'{kind} cannot be a backbone or neck here')
