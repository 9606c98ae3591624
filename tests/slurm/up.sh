#!/usr/bin/env bash
# Bring up a SLURM for the tests marked `slurm`: three virtual nodes on this machine,
# partitions cpu (all nodes) and gpu (the third, with a stand-in for a GPU).
# Needs root on Debian; installs slurm-wlm and munge if they are missing. Without systemd
# and cgroups. ACCOUNTING=1 adds a database for sacct. Run again, it leaves alone what
# runs. down.sh takes it down. Status 3: not on this machine.
set -euo pipefail

folder=${SLURM_TEST_DIR:-/tmp/kernel-atlas-slurm}
host=$(hostname -s)
conf=/etc/slurm/slurm.conf # nowhere else: SLURM_CONF does not reach a job's steps

fail() {
    echo "up.sh: $*" >&2
    exit 1
}

cannot() { # be brought up on this machine, which is no fault
    echo "up.sh: no SLURM here: $*" >&2
    exit 3
}

missing() {
    ! command -v "$1" >/dev/null
}

runs() { # NAME: whether the daemon of this pid file is alive, and no other has its number now
    [ -s "$folder/run/$1.pid" ] &&
        [ "$(cat "/proc/$(cat "$folder/run/$1.pid")/comm" 2>/dev/null)" = "${1%%.*}" ]
}

[ "$(id -u)" = 0 ] || cannot "needs root"
[ ! -e $conf ] || [ "$(readlink $conf)" = "$folder/etc/slurm.conf" ] ||
    cannot "$conf is of another SLURM"
if missing slurmctld || missing munged; then
    missing apt-get && cannot "slurmctld or munged is missing, and there is no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null ||
        cannot "slurm-wlm and munge cannot be installed"
fi
mkdir -p "$folder"/{db,etc,log,run,state,spool/n{1,2,3}} /etc/slurm /run/munge
chmod 755 "$folder" "$folder"/{etc,log,run} # munged refuses what others can write
chown root: /run/munge
chmod 755 /run/munge

if ! runs munged; then
    if [ ! -s "$folder/etc/munge.key" ]; then
        (umask 377 && head -c 1024 /dev/urandom >"$folder/etc/munge.key")
    fi
    munged --force --key-file="$folder/etc/munge.key" --pid-file="$folder/run/munged.pid" \
        --log-file="$folder/log/munged.log" --seed-file="$folder/state/munged.seed" \
        --socket=/run/munge/munge.socket.2
fi
munge --no-input | unmunge >/dev/null

accounting=none
if [ "${ACCOUNTING:-0}" = 1 ]; then
    "$(dirname "$0")/accounting.sh" "$folder"
    accounting=slurmdbd
fi

[ -e "$folder/etc/gpu" ] || mknod "$folder/etc/gpu" c 1 3 # a null device of its own name
echo "NodeName=n3 Name=gpu File=$folder/etc/gpu" >"$folder/etc/gres.conf"
echo CgroupPlugin=cgroup/v1 >"$folder/etc/cgroup.conf"
# MinJobAge: squeue has to tell of a job's end for longer than snakemake waits between two looks.
# pgid: linuxproc misses processes whose parent ended first.
# OverMemoryKill: without cgroups, SLURM's own look at a job's memory, each second.
# JobRequeue=0: it is snakemake that tries again, with more.
cat >"$folder/etc/slurm.conf" <<CONF
ClusterName=kernel-atlas-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/$accounting
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs.txt
JobRequeue=0
PropagateResourceLimits=NONE
ReturnToService=2
MinJobAge=600
KillWait=2
OverTimeLimit=0
SlurmctldTimeout=30
SlurmdTimeout=30
InactiveLimit=0
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=2 RealMemory=40000
NodeName=n3 NodeHostname=$host NodeAddr=127.0.0.1 Port=17003 CPUs=4 RealMemory=40000 Gres=gpu:1
PartitionName=cpu Nodes=n[1-3] Default=YES MaxTime=2-0 State=UP
PartitionName=gpu Nodes=n3 MaxTime=2-0 State=UP
CONF
for name in slurm gres cgroup; do
    ln -sfn "$folder/etc/$name.conf" /etc/slurm/$name.conf
done

runs slurmctld || slurmctld -c # -c: forget the jobs of an earlier one
for node in n1 n2 n3; do
    runs slurmd.$node || slurmd -N $node
done

for _ in $(seq 60); do
    [ "$(sinfo -h -N -p cpu -t idle,mix,alloc | wc -l)" = 3 ] && break
    sleep 0.5
done
[ $accounting = none ] || sacctmgr -i -Q add cluster kernel-atlas-test >/dev/null 2>&1 || true # is there
sinfo
for node in n1 n2 n3; do
    timeout 30 srun -w $node -p cpu --mem=50 true || fail "no step runs on $node"
done
[ "$(timeout 30 srun -p gpu --gpus=1 --mem=50 printenv CUDA_VISIBLE_DEVICES)" = 0 ] ||
    fail "the gpu partition gives no GPU"
