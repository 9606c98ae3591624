#!/usr/bin/env bash
# Bring up a SLURM for tests/faults/test_slurm.py: three virtual nodes on this machine, the
# partitions cpu (all nodes) and gpu (the third node, with a stand-in for a GPU).
# Needs root on Debian, but neither systemd nor cgroups; installs slurm-wlm and munge if they
# are missing. A second call leaves running daemons alone. down.sh takes it down.
# Status 3: this machine cannot have one.
set -euo pipefail

folder=${SLURM_TEST_DIR:-/tmp/kernel-atlas-slurm}
host=$(hostname -s)
conf=/etc/slurm/slurm.conf # no other place: SLURM_CONF does not reach the steps of a job

fail() {
    echo "up.sh: $*" >&2
    exit 1
}

cannot() { # this machine cannot have one, which is not an error
    echo "up.sh: no SLURM here: $*" >&2
    exit 3
}

missing() {
    ! command -v "$1" >/dev/null
}

runs() { # NAME: whether the daemon of this pid file is alive, and no other process has its id
    [ -s "$folder/run/$1.pid" ] &&
        [ "$(cat "/proc/$(cat "$folder/run/$1.pid")/comm" 2>/dev/null)" = "${1%%.*}" ]
}

[ "$(id -u)" = 0 ] || cannot "needs root"
[ ! -e $conf ] || [ "$(readlink $conf)" = "$folder/etc/slurm.conf" ] ||
    cannot "$conf belongs to another SLURM"
if missing slurmctld || missing munged; then
    missing apt-get && cannot "slurmctld or munged is missing, and there is no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null ||
        cannot "slurm-wlm and munge cannot be installed"
fi
mkdir -p "$folder"/{etc,log,run,state,spool/n{1,2,3}} /etc/slurm /run/munge
chmod 755 "$folder" "$folder"/{etc,log,run} # munged refuses folders that others can write
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

[ -e "$folder/etc/gpu" ] || mknod "$folder/etc/gpu" c 1 3 # a null device in place of a GPU
echo "NodeName=n3 Name=gpu File=$folder/etc/gpu" >"$folder/etc/gres.conf"
echo CgroupPlugin=cgroup/v1 >"$folder/etc/cgroup.conf"
# MinJobAge: squeue has to show a finished job for longer than snakemake waits between two looks.
# pgid: linuxproc misses processes whose parent ended first.
# OverMemoryKill: without cgroups, SLURM itself checks the memory of a job, once a second.
# JobRequeue=0: snakemake tries again, with more memory and time.
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
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs.txt
JobRequeue=0
PropagateResourceLimits=NONE
ReturnToService=2
MinJobAge=36000
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
sinfo
for node in n1 n2 n3; do
    timeout 30 srun -w $node -p cpu --mem=50 true || fail "no step runs on $node"
done
[ "$(timeout 30 srun -p gpu --gpus=1 --mem=50 printenv CUDA_VISIBLE_DEVICES)" = 0 ] ||
    fail "the gpu partition gives no GPU"
