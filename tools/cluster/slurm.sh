#!/usr/bin/env bash
# Slurm without submitit: sbatch tools/cluster/slurm.sh configs/aurora_fmc.py --data-root DATA
# Options of sbatch on the command line take precedence over these lines, such as --nodes 2 --partition gpu.
#SBATCH --job-name=aurora_mm
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=USR1@180
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail
# If one process ends, the others have two minutes: an error of one ends all, and a stop lets all end with their status.
srun --kill-on-bad-exit=0 --wait=120 aurora-mm train "$@" --launcher slurm --resume
status=$?
# 75: stopped and saved; 138, 140 and 143: a signal before the first step.
case $status in
    75 | 138 | 140 | 143) scontrol requeue "$SLURM_JOB_ID" ;;
esac
exit $status
