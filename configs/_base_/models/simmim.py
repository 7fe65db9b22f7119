# An encoder that learns to predict the pixels of masked patches; configs add the backbone.
model = dict(
    type='MaskedImageModel',
    data_preprocessor=dict(
        type='ImgDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, pad_size_divisor=32
    ),
)
