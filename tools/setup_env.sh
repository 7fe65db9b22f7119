#!/usr/bin/env bash
# Makes a virtual environment with everything aurora_mm needs:
#   bash tools/setup_env.sh [.venv [maintained|original]]    no compiler needed
#   bash tools/setup_env.sh --operators [.venv]              then compiles mmcv's operators, about 9 minutes on 2 cores
#
# With LOCKED=1 every package has the version of requirements/lock.txt, which the tests last ran with (Python 3.11, Linux).
#
# The maintained mmcv has no wheel on the package index. Built as pip builds by default it comes without its compiled
# operators, and aurora_mm puts a stand-in in their place. A wheel with operators in a folder that PIP_FIND_LINKS names is
# preferred. The original packages take mmcv-lite, which is mmcv without operators.
set -euo pipefail
python=${PYTHON:-python3}
if [ "${LOCKED:-0}" = 1 ]; then
    PIP_CONSTRAINT="$(cd "$(dirname "$0")/.." && pwd)/requirements/lock.txt"
    export PIP_CONSTRAINT
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

if [ "${1:-}" = --operators ]; then
    venv=${2:-.venv}
    echo "[setup] compiling mmcv's operators, about 9 minutes on 2 cores"
    pip install wheel ninja
    MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:--O2 -g0}" pip install \
        --no-build-isolation --no-deps --force-reinstall --no-cache-dir --no-binary onedl-mmcv onedl-mmcv==2.3.6
    "$venv/bin/python" -c 'import mmcv.ops; print("[setup] done: mmcv has its operators")'
    exit
fi

venv=${1:-.venv}
stack=${2:-maintained}
case "$stack" in
    maintained) engine=onedl-mmengine==0.10.12 mmcv=onedl-mmcv==2.3.6 extra=mm ;;
    original) engine=mmengine==0.10.7 mmcv=mmcv-lite==2.1.0 extra=mm-original ;;
    *) echo "the stack is 'maintained' or 'original', not '$stack'" >&2; exit 1 ;;
esac
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "aurora_mm needs Python 3.10 or newer" >&2; exit 1; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

echo "[setup] torch"
pip install wheel torch==2.13.0
pip install 'setuptools<81'  # after torch, which brings a newer one: the original packages need pkg_resources
echo "[setup] mmengine, transformers"
pip install "$engine" 'transformers>=4.57'
echo "[setup] mmcv"
pip install "$mmcv"
echo "[setup] mmdet, mmseg, test tools, aurora_mm"
pip install --no-build-isolation -e ".[$extra,test]"
# mmcv asks for opencv-python and the maintained mmdet's imaug for opencv-python-headless. They hold the same files, so
# one must go: the headless one runs on a server without a screen.
opencv=$("$venv/bin/python" - <<'VERSION'
from importlib.metadata import distributions

versions = {found.name: found.version for found in distributions()}
print(versions.get('opencv-python-headless') or versions['opencv-python'])
VERSION
)
pip uninstall --yes opencv-python opencv-python-headless
pip install --no-deps "opencv-python-headless==$opencv"
echo "[setup] check"
"$venv/bin/python" - <<'CHECK'
import cv2

from aurora_mm import __version__, mmcv_operators, registry

state = 'mmcv has its operators' if mmcv_operators.has_operators() else 'mmcv is without operators, make setup-ops compiles them'
print(f'[setup] done: aurora_mm {__version__}, OpenCV {cv2.__version__}; {state}')
CHECK
