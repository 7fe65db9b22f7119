# The published model around the encoder of Qwen3-VL-8B; see aurora_mm/models/multi_task_model.py. The configs that
# inherit this one say which tasks it has. The last four heads are for types of task that the challenge does not have,
# at the published widths; no head is built for a type without tasks.
model = dict(
    type='MultiTaskModel',
    data_preprocessor=dict(
        type='ImgDataPreprocessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='Qwen3VLBackbone', preset='8b', pretrained='Qwen/Qwen3-VL-8B-Instruct', with_cp=True),
    neck=dict(
        pyramid=dict(type='TokenPyramid', out_channels=256),
        pooled=dict(type='TokenPyramid', out_channels=256, downsample='avg_pool'),
    ),
    heads=dict(
        segmentation=dict(type='SegmentationHead', channels=256),
        classification=dict(type='ClassificationHead', hidden_channels=1024),
        detection=dict(type='GridDetectionHead', channels=256),
        landmark=dict(type='LandmarkHead', hidden_channels=1024),
        multi_object_detection=dict(
            type='DenseDetectionHead',
            channels=256,
            codec=dict(type='DenseBoxCodec', keep_best=False, max_per_img=100),
        ),
        multi_label_classification=dict(type='MultiLabelHead', hidden_channels=1024),
        scalar_regression=dict(type='ScalarRegressionHead', hidden_channels=1024),
        multi_label_segmentation=dict(type='MultiLabelSegmentationHead', channels=256),
    ),
    sources=dict(
        segmentation='pooled',
        classification='pyramid',
        detection='pyramid',
        landmark='backbone',
        multi_object_detection='pyramid',
        multi_label_classification='pyramid',
        scalar_regression='pyramid',
        multi_label_segmentation='pooled',
    ),
    balancer=dict(type='SelectiveLossBalancer'),
)
