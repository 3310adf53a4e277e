#!/bin/sh
# Every test: first what needs no proxy, on all cores; then what does, in three processes however many cores there
# are, since a test, its proxy and its provider wait for each other; at last the dashboard, in a browser.
#
#   sh scripts/test.sh PYTHON [--cov] [PYTEST ARGUMENTS]
#
# With arguments pytest runs once, with them.
set -eu
# Some hundred processes are started: each would compile this package again, and the tests.
unset PYTHONDONTWRITEBYTECODE
python=$1
shift
cov=""
if [ "${1:-}" = "--cov" ]; then
  shift
  cov="--cov --cov-report="
fi
if [ $# -gt 0 ]; then
  # shellcheck disable=SC2086 - options, each a word
  exec "$python" -m pytest $cov "$@"
fi
# File by file in the order of their folders, since what waits for real servers comes first there: the end of a run
# is many small files, and no core is left with a long one.
spread="-n auto --dist loadfile --no-loadscope-reorder" three="-n 3 --dist loadfile --no-loadscope-reorder"
# shellcheck disable=SC2086 - as above
"$python" -m pytest $cov $spread --ignore=tests/proxy --ignore=tests/browser tests
# Not measured: lines are held to their floors by the tests above, and tracing costs a proxy a quarter of its time.
# shellcheck disable=SC2086 - as above
"$python" -m pytest $three tests/proxy
# By themselves: while Playwright runs, its event loop runs in the process, and no other may.
"$python" -m pytest -n 2 --dist loadfile tests/browser
