#!/usr/bin/env bash
# Fetches what the feature `cuda` is built with: NVIDIA's compiler, about 100 MB from PyPI, 270 MB on disk. Needs
# neither a card nor a driver nor root. `cargo build` finds it in .cuda; CUDA_HOME or NVCC name another one.
#
#   packaging/cuda-toolkit.sh [FOLDER]
#   . .cuda/env
#   cargo build --release --features cuda
#
# The file `env` is for candle's kernels, which look for the compiler themselves and are built for one kind of card: the
# oldest, of which newer ones take the text.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.cuda}

env_file() {
    printf 'export CUDA_HOME="%s/nvidia/cu13"\nexport CUDA_COMPUTE_CAP=80\n' "$(cd "$folder" && pwd)" >"$folder/env"
}

if [ -x "$folder/nvidia/cu13/bin/nvcc" ] && "$folder/nvidia/cu13/bin/nvcc" --version >/dev/null 2>&1; then
    env_file
    echo "$folder holds a compiler already"
    exit 0
fi
python=$(command -v python3) || { echo "python3 with pip is needed to fetch the compiler" >&2; exit 1; }
if ! "$python" -m pip --version >/dev/null 2>&1; then
    # Without pip in the system: one of its own, which goes again.
    venv=$(mktemp -d)
    trap 'rm -rf "$venv"' EXIT
    "$python" -m venv "$venv" || { echo "python3 with pip or venv is needed to fetch the compiler" >&2; exit 1; }
    python=$venv/bin/python
fi
mkdir -p "$folder"
# Machine code of CUDA 13.0 is taken by drivers from 580 on; older ones get the PTX that is built beside it.
"$python" -m pip install --no-deps --no-compile --disable-pip-version-check --root-user-action=ignore -q --upgrade \
    --target "$folder" \
    nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 \
    nvidia-cuda-cccl==13.0.85
env_file
"$folder/nvidia/cu13/bin/nvcc" --version | tail -2
