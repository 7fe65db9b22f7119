from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = next(
    line.split("'")[1]
    for line in (ROOT / 'aurora_mm' / 'version.py').read_text().splitlines()
    if line.startswith('__version__')
)

# The OpenMMLab packages are extras: whoever has a build of mmcv keeps it.
MM = [
    'onedl-mmengine==0.10.12',
    'onedl-mmcv==2.3.6',
    'onedl-mmdetection==3.5.1',
    'onedl-mmsegmentation==1.4.2',
]
TEST = ['pytest>=8', 'ruff>=0.6', 'mypy>=1.11']

setup(
    name='aurora_mm',
    version=VERSION,
    description='AURORA: one model for many ultrasound tasks, as a plug-in to OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['aurora_mm', 'aurora_mm.*']),
    install_requires=[
        'matplotlib',
        'numpy',
        'opencv-python-headless',
        'packaging',
        'rich',
        'safetensors',
        'scikit-learn',
        'scipy',
        'torch>=2.1',
        'transformers>=4.57',
    ],
    extras_require={'mm': MM, 'test': TEST},
)
