#!/usr/bin/env bash
# Makes a virtual environment with everything aurora_mm needs: bash tools/setup_env.sh [.venv [maintained|original]]
#
# torch comes first, because mmcv's operators are compiled against it. mmcv has no wheel on the package index; without
# one in PIP_FIND_LINKS its operators are built here, which takes about 9 minutes on 2 cores.
set -euo pipefail
venv=${1:-.venv}
stack=${2:-maintained}
python=${PYTHON:-python3}

case "$stack" in
    maintained) engine=onedl-mmengine==0.10.12 mmcv=onedl-mmcv==2.3.6 extra=mm ;;
    original) engine=mmengine==0.10.7 mmcv=mmcv==2.1.0 extra=mm-original ;;
    *) echo "the stack is 'maintained' or 'original', not '$stack'" >&2; exit 1 ;;
esac
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "aurora_mm needs Python 3.10 or newer" >&2; exit 1; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

echo "[setup] build tools and torch"
pip install wheel ninja torch==2.13.0
pip install 'setuptools<81'  # after torch, which brings a newer one: mmcv's build and the originals need pkg_resources
echo "[setup] mmengine, transformers"
pip install "$engine" 'transformers>=4.57'
echo "[setup] mmcv with its operators; if no wheel is found they are compiled now, about 9 minutes on 2 cores"
MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:--O2 -g0}" pip install --no-build-isolation "$mmcv"
echo "[setup] mmdet, mmseg, test tools, aurora_mm"
pip install --no-build-isolation -e ".[$extra,test]"
echo "[setup] check"
"$venv/bin/python" -c 'import mmcv.ops, aurora_mm; print("[setup] done: aurora_mm", aurora_mm.__version__)'
