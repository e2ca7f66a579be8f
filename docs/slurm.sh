#!/bin/bash
# archbench run on the nodes of a SLURM allocation: Ray starts one process of its own on each, runs the command on the
# first, and stops with it. From the project's folder: sbatch docs/slurm.sh 'train@*'
#SBATCH --job-name=archbench
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

cd "$SLURM_SUBMIT_DIR"
# shellcheck source=/dev/null
source "${VIRTUAL_ENV:-.venv}/bin/activate"

hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
port=$((20000 + SLURM_JOB_ID % 10000))  # two allocations may share a node

srun --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" \
    ray symmetric-run --address "${hosts%%$'\n'*}:$port" --min-nodes "$SLURM_NNODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "${SLURM_GPUS_ON_NODE:-0}" \
    -- archbench run --engine ray --address auto "$@"
