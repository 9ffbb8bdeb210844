#!/usr/bin/env bash
# Whether this machine's GPU computes what it should, and how fast: golden numbers on the device, 1 and 2 trainers with
# the same bytes, `bench train` at three sizes, PyTorch beside it. Under 6 minutes, without a network, one table.
# --tiny goes the same way at sizes that a CPU is fit for: it proves the check, not the machine.
# TRIBUTARY_YARDSTICK: a command that times PyTorch's step, as stages.ts says; without it that line is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec node --import tsx test/gpu/check.ts "$@"
