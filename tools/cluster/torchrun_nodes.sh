#!/usr/bin/env bash
# Train on several nodes with torchrun; run the same command on each node, or on one node alone.
#
#   NODES=2 HOST=10.0.0.1 GPUS=8 tools/cluster/torchrun_nodes.sh configs/aurora_fmc.py --data-root DATA
#
# NODES: number of nodes; HOST: address of one of them; GPUS: of each node; PORT: free on HOST.
# The work dir must be on storage that all nodes share. A stopped training goes on when the command is run again. If a node
# is lost, torchrun starts all processes anew, RESTARTS times at most, from the last checkpoint.
set -euo pipefail
exec torchrun --nnodes "${NODES:-1}" --nproc_per_node "${GPUS:-1}" \
    --rdzv_backend c10d --rdzv_id aurora --rdzv_endpoint "${HOST:-localhost}:${PORT:-29500}" \
    --max_restarts "${RESTARTS:-3}" -m aurora_mm train "$@" --launcher pytorch --resume
