# The parts of aurora-plus_qwen3-vl-8b.py, on a pretrained convolutional encoder of 3 M weights. Its maps of strides 4
# to 32 need no detail branch. Classes are told from its own maps, whose 496 channels the neck would reduce to 48.
_base_ = './aurora-plus_qwen3-vl-8b.py'

model = dict(
    backbone=dict(_delete_=True, type='EfficientNetLite', arch='lite0', pretrained='imagenet'),
    detail=None,
    neck=dict(num_details=0, out_channels=48, num_refine=1),
    sources=dict(classification='backbone'),
    heads=dict(
        segmentation=dict(channels=48),
        classification=dict(
            hidden_channels=256,
            num_blocks=1,
            loss_cls=dict(type='BalancedCrossEntropyLoss', label_smoothing=0.1),
        ),
        detection=dict(channels=48),
        landmark=dict(channels=48),
        multi_object_detection=dict(channels=48),
        multi_label_segmentation=dict(channels=48),
    ),
    # These factors make the gradients of the types about equally long in the parts that they share; without them that
    # of the landmarks is a twelfth of that of the masks (docs/ablation.md).
    balancer=dict(
        type='FixedLossBalancer', factors=dict(segmentation=1.0, classification=0.2, detection=2.0, landmark=20.0)
    ),
)
