#!/usr/bin/env bash
# One NaN ends a search of Hydra's Optuna sweeper, whatever max_failure_rate says.
#
# hydra-core 1.3.8, hydra-optuna-sweeper 1.3.0, optuna 2.10.1. A function that returns NaN in one of four
# trials, a diverged loss for instance, ends the sweep with an error; max_failure_rate=1.0, documented
# as the share of trials that may fail, does not help: it counts exceptions only. Later trials
# never run. A metric that can be NaN has to be turned into a bad number first.
#
# Seen on 27 November 2026:
#     trials run: 2 of 4; the sweep ended with code 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hydra-core==1.3.8 hydra-optuna-sweeper==1.3.0 optuna==2.10.1 "sqlalchemy<2" "numpy<2"
cd "$folder"
export OMP_NUM_THREADS=1
cat > search.py <<'PYTHON'
import hydra


@hydra.main(version_base="1.3", config_path=None)
def score(config):
    with open(hydra.utils.to_absolute_path("trials.txt"), "a") as file:
        file.write("trial\n")
    with open(hydra.utils.to_absolute_path("trials.txt")) as file:
        return float("nan") if len(file.readlines()) == 2 else 1.0


score()
PYTHON
code=0
"$folder/venv/bin/python" -W ignore search.py --multirun hydra/sweeper=optuna +x='interval(0.0,1.0)' \
  hydra.sweeper.n_trials=4 hydra.sweeper.n_jobs=1 hydra.sweeper.max_failure_rate=1.0 > search.log 2>&1 || code=$?
trials=$(wc -l < trials.txt)
echo "trials run: $trials of 4; the sweep ended with code $code"
tail -1 search.log
[ "$trials" -eq 2 ] && [ "$code" -ne 0 ]
