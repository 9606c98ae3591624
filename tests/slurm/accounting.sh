#!/usr/bin/env bash
# Called by up.sh where ACCOUNTING=1: a database for sacct, in a MariaDB of its own.
set -euo pipefail

folder=$1

runs() { # NAME: whether the daemon of this pid file is alive
    [ -s "$folder/run/$1.pid" ] && kill -0 "$(cat "$folder/run/$1.pid")" 2>/dev/null
}

sql() {
    mariadb --no-defaults --socket="$folder/run/mariadbd.sock" --execute="$1"
}

if ! command -v slurmdbd >/dev/null || ! command -v mariadbd >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends slurmdbd mariadb-server >/dev/null
fi
if ! runs mariadbd; then
    [ -d "$folder/db/mysql" ] || mariadb-install-db --no-defaults --user=root \
        --datadir="$folder/db" --auth-root-authentication-method=socket >"$folder/log/mariadb.log" 2>&1
    mariadbd --no-defaults --user=root --datadir="$folder/db" --bind-address=127.0.0.1 \
        --port=16306 --socket="$folder/run/mariadbd.sock" --pid-file="$folder/run/mariadbd.pid" \
        --innodb-buffer-pool-size=64M --log-error="$folder/log/mariadbd.log" >/dev/null 2>&1 &
    for _ in $(seq 100); do
        sql "select 1" >/dev/null 2>&1 && break
        sleep 0.1
    done
    for from in localhost 127.0.0.1; do
        sql "create user if not exists slurm@'$from' identified by 'slurm';
             grant all on slurm_acct_db.* to slurm@'$from';"
    done
fi
(
    umask 177 # slurmdbd refuses a file that others can read
    cat >"$folder/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
DbdHost=$(hostname -s)
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
LogFile=$folder/log/slurmdbd.log
PidFile=$folder/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=16306
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONF
)
ln -sfn "$folder/etc/slurmdbd.conf" /etc/slurm/slurmdbd.conf
runs slurmdbd || slurmdbd
for _ in $(seq 100); do
    (: >/dev/tcp/127.0.0.1/16819) 2>/dev/null && exit
    sleep 0.1
done
echo "accounting.sh: slurmdbd does not answer" >&2
exit 1
