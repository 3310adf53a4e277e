#!/bin/sh
# Redis with its password from a secret's file, by standard input: no command line and no process list ever shows it.
# Usage: start.sh [--OPTION VALUE ...]
# REPLICATED=yes keeps the configuration with the data, so that the role that Sentinel gave outlives a restart;
# REPLICA_OF names the first master, for the first start of a replica.
set -eu
password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
config=${REDIS_CONFIG:-/etc/redis/redis.conf}
if [ "${REPLICATED:-no}" = yes ]; then
    kept=${REDIS_DATA:-/data}/redis.conf
    if [ ! -e "$kept" ]; then
        cp "$config" "$kept.new"
        [ -z "${REPLICA_OF:-}" ] || echo "replicaof $REPLICA_OF 6379" >>"$kept.new"
        mv "$kept.new" "$kept"
    fi
    config=$kept
fi
exec redis-server "$config" "$@" - <<END
requirepass "$password"
masterauth "$password"
END
