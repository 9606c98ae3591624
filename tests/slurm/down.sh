#!/usr/bin/env bash
# Take down what up.sh brought up, by process id; its logs stay until the next up.sh.
set -uo pipefail

folder=${SLURM_TEST_DIR:-/tmp/kernel-atlas-slurm}

end() { # PID FILE
    local pid
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null
    for _ in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null && echo "down.sh: $1 ($pid) had to be killed" >&2
    rm -f "$1"
}

if [ "$(readlink /etc/slurm/slurm.conf)" = "$folder/etc/slurm.conf" ]; then
    timeout 10 scancel --user=root
    for _ in $(seq 50); do # a daemon that ends before its jobs leaves them running
        [ -z "$(timeout 10 squeue -h)" ] && break
        sleep 0.2
    done
    rm -f /etc/slurm/{slurm,slurmdbd,gres,cgroup}.conf
fi
for name in slurmd.n1 slurmd.n2 slurmd.n3 slurmctld slurmdbd mariadbd munged; do
    [ -s "$folder/run/$name.pid" ] && end "$folder/run/$name.pid"
done
exit 0
