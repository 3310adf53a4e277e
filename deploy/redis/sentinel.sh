#!/bin/sh
# One Sentinel. What it learns (who is the master, which epoch) stays in its volume; the password is there too, because
# Sentinel writes its file anew.
# Usage: sentinel.sh OWN_HOST_NAME
set -eu
password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
kept=${REDIS_DATA:-/data}/sentinel.conf
if [ ! -e "$kept" ]; then
    umask 077
    cat >"$kept.new" <<END
port 26379
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $1
sentinel monitor tiering ${FIRST_MASTER:-redis} 6379 2
sentinel auth-pass tiering "$password"
sentinel down-after-milliseconds tiering 5000
sentinel failover-timeout tiering 30000
sentinel parallel-syncs tiering 1
END
    mv "$kept.new" "$kept"
fi
shift
exec redis-server "$kept" --sentinel "$@"
