#!/bin/sh
# Every test: first what needs no proxy, on all cores; then what does, two files at a time, since a proxy and its
# provider keep a core busy by themselves, and wait for each other half of the time.
#
#   sh scripts/test.sh PYTHON [--cov] [PYTEST ARGUMENTS]
#
# With arguments pytest runs once, with them.
set -eu
# Some hundred processes are started: each would compile this package again, and the tests.
unset PYTHONDONTWRITEBYTECODE
python=$1
shift
cov="" more=""
if [ "${1:-}" = "--cov" ]; then
  shift
  cov="--cov --cov-report=" more="--cov-append"
fi
if [ $# -gt 0 ]; then
  # shellcheck disable=SC2086 - options, each a word
  exec "$python" -m pytest $cov "$@"
fi
# File by file in the order of their folders, since what waits for real servers comes first there: the end of a run
# is many small files, and no core is left with a long one.
spread="-n auto --dist loadfile --no-loadscope-reorder" two="-n 2 --dist loadfile"
# shellcheck disable=SC2086 - as above
"$python" -m pytest $cov $spread --ignore=tests/proxy --ignore=tests/browser tests
# shellcheck disable=SC2086 - as above
"$python" -m pytest $cov $more $two tests/proxy
# By themselves: while Playwright runs, its event loop runs in the process, and no other may.
# shellcheck disable=SC2086 - as above
"$python" -m pytest $cov $more tests/browser
