#!/usr/bin/env bash
# Runs speak.sbatch on a cluster of two nodes on this machine, with Slurm and munge as Debian has them, kills a task and
# takes a node away while it works, and compares what comes of it with one undisturbed run. Takes root, for munge.
#
#     packaging/slurm/check.sh target/release/chattts-rs [LINES]
set -euo pipefail
program=$(realpath "${1:?the program}")
lines=${2:-2000}
here=$(dirname "$(realpath "$0")")
for tool in slurmctld slurmd sbatch munged; do
    command -v $tool >/dev/null || { echo "$tool is missing: apt-get install slurm-wlm munge" >&2; exit 1; }
done

dir=$(mktemp -d)
chmod 755 "$dir"
export SLURM_CONF=$dir/slurm.conf CHATTTS_RS=$program
started=()
stop() {
    [ -z "${job:-}" ] || scancel "$job" 2>/dev/null || true
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    pkill -9 -f "$dir/lines.jsonl" || true
    rm -rf "$dir"
}
trap stop EXIT

# munge's socket is where its library looks for it.
if ! munge -n >/dev/null 2>&1; then
    install -d -o munge -g munge /run/munge
    [ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none; chown munge:munge /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
    runuser -u munge -- munged --foreground >"$dir/munged.log" 2>&1 &
    started+=($!)
    for _ in $(seq 50); do munge -n >/dev/null 2>&1 && break; sleep 0.2; done
fi

host=$(hostname -s)
mkdir -p "$dir"/{state,one,two}
cat >"$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=1
JobRequeue=1
KillWait=5
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=one NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=2
NodeName=two NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -D >"$dir/ctld.out" 2>&1 &
started+=($!)
for node in one two; do
    slurmd -D -N $node >"$dir/$node.out" 2>&1 &
    started+=($!)
done
fail() { echo "$*" >&2; tail -n 20 "$dir"/*.log "$dir"/*.out "$dir"/slurm-*.out >&2 2>/dev/null; exit 1; }
for _ in $(seq 100); do
    [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 2 ] && break
    sleep 0.2
done
[ "$(sinfo -h -t idle -o %D)" = 2 ] || fail "the nodes do not come up: $(sinfo -R -N -l)"

for i in $(seq "$lines"); do
    echo "{\"id\": \"line-$i\", \"text\": \"Line $i, if you please.\"}"
done >"$dir/lines.jsonl"
flags=(--model demo --name '{id}')
time=$(date +%s)
"$program" synth -q -f "$dir/lines.jsonl" --out-dir "$dir/whole" --resume "${flags[@]}" >/dev/null
echo "undisturbed: $(($(date +%s) - time)) s"

cd "$dir"
time=$(date +%s)
job=$(sbatch --parsable --array=0-7%2 --time=30 "$here/speak.sbatch" "$dir/lines.jsonl" "$dir/out" "${flags[@]}")
made() { find "$dir/out" -maxdepth 1 -name '*.wav' 2>/dev/null | wc -l; }
until [ "$(made)" -ge $((lines / 20)) ]; do sleep 0.2; done
# As the kernel does where memory is short.
victim=$(pgrep -n -f "$program synth .*--shard auto")
kill -9 "$victim"
echo "killed a task after $(made) files"
until [ "$(made)" -ge $((lines / 3)) ]; do sleep 0.2; done
scontrol update nodename=two state=down reason=check
echo "took a node away after $(made) files"
until [ "$(made)" -ge $((lines / 2)) ]; do sleep 0.2; done
scontrol update nodename=two state=resume
scontrol update nodename=one state=drain reason=check
echo "gave it back and drained the other after $(made) files"
while [ -n "$(squeue -h -j "$job")" ]; do
    [ $(($(date +%s) - time)) -lt 1500 ] || fail "the job does not end: $(squeue)"
    sleep 1
done
echo "disturbed: $(($(date +%s) - time)) s"
"$program" status "$dir/out" || fail "lines are missing"
"$program" merge "$dir/out" --report "$dir/report.jsonl"
[ "$(wc -l <"$dir/report.jsonl")" = "$lines" ] || fail "the report has $(wc -l <"$dir/report.jsonl") lines"
diff -r -x .chattts-rs "$dir/whole" "$dir/out" || fail "the files differ"
grep -h "Restart\|requeue" "$dir"/slurm-*.out 2>/dev/null | sort | uniq -c | head -5 || true
echo "passed: $lines lines, the same to the byte"
