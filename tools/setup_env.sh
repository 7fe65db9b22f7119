#!/usr/bin/env bash
# Makes a virtual environment with everything aurora_mm needs: bash tools/setup_env.sh [.venv]
#
# torch comes first, because mmcv's operators are compiled against it. mmcv has no wheel on the package index; without
# one in PIP_FIND_LINKS its operators are built here, which takes about 9 minutes on 2 cores.
set -euo pipefail
venv=${1:-.venv}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "aurora_mm needs Python 3.10 or newer" >&2; exit 1; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

echo "[setup] build tools and torch"
pip install 'setuptools<81' wheel ninja
pip install torch==2.13.0
echo "[setup] mmengine, transformers"
pip install 'onedl-mmengine==0.10.12' 'transformers>=4.57'
echo "[setup] mmcv with its operators; if no wheel is found they are compiled now, about 9 minutes on 2 cores"
MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:--O2 -g0}" pip install --no-build-isolation 'onedl-mmcv==2.3.6'
echo "[setup] mmdet, mmseg, test tools, aurora_mm"
pip install --no-build-isolation -e '.[mm,test]'
echo "[setup] check"
"$venv/bin/python" -c 'import mmcv.ops, aurora_mm; print("[setup] done: aurora_mm", aurora_mm.__version__)'
