#!/bin/sh
# Masked LM alone, plus translation LM, plus the contrast: the same updates, two seeds each.
#   ./ladder.sh TEXT FLORES [KEY=VALUE ...]
# TEXT holds {language}.txt and {a}-{b}.tsv; FLORES, which may lie below it, is not learned from.
set -eu
text=$1 flores=$2
shift 2

run() {
  name=$1
  shift
  infoxlm pretrain --multirun seed=1,2 name="$name" hydra.sweep.dir="runs/$name" \
    model=e5_small "data.mono=[$text]" "data.parallel=[$text]" "data.exclude=['$flores/*']" \
    data.eval_pairs="$flores" data.eval_limit=500 data.held_out=100 data.max_length=64 \
    task.queue_size=4096 task.momentum=0.99 task.restrict_vocabulary=true \
    optimizer.learning_rate=1e-4 scheduler.warmup_ratio=0.1 \
    trainer.effective_batch_size=64 trainer.max_steps=300 trainer.eval_every=100 "$@"
}

run mlm task.tlm_weight=0 task.xlco_weight=0 "$@"
run mlm_tlm task.xlco_weight=0 "$@"
run mlm_tlm_xlco "$@"
