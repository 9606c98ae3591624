#!/usr/bin/env bash
# Take down the SLURM of up.sh, by process id. Its logs stay until the next up.sh.
set -uo pipefail

folder=${SLURM_TEST_DIR:-/tmp/kernel-atlas-slurm}

runs() { # PID NAME: whether the process is still this daemon
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "${2%%.*}" ]
}

end() { # NAME
    local pid
    pid=$(cat "$folder/run/$1.pid")
    runs "$pid" "$1" && kill "$pid"
    for _ in $(seq 50); do
        runs "$pid" "$1" || break
        sleep 0.1
    done
    runs "$pid" "$1" && kill -KILL "$pid" && echo "down.sh: $1 ($pid) had to be killed" >&2
    rm -f "$folder/run/$1.pid"
}

if [ "$(readlink /etc/slurm/slurm.conf)" = "$folder/etc/slurm.conf" ]; then
    timeout 10 scancel --user=root
    for _ in $(seq 50); do # a daemon that ends before its jobs leaves them running
        [ -z "$(timeout 10 squeue -h)" ] && break
        sleep 0.2
    done
    rm -f /etc/slurm/{slurm,gres,cgroup}.conf
fi
for name in slurmd.n1 slurmd.n2 slurmd.n3 slurmctld munged; do
    [ -s "$folder/run/$name.pid" ] && end "$name"
done
exit 0
