#!/bin/sh
# Makes a Cluster of the nodes named, once; where there is one already, nothing is done.
# Usage: cluster.sh NODE NODE NODE NODE NODE NODE
set -eu
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
export REDISCLI_AUTH
nodes=
for node in "$@"; do
    until [ "$(redis-cli -h "$node" ping 2>/dev/null)" = PONG ]; do sleep 1; done
    nodes="$nodes $node:6379"
done
if redis-cli -h "$1" cluster info | grep -q '^cluster_slots_assigned:16384'; then
    echo "the cluster is there"
    exit 0
fi
# shellcheck disable=SC2086  # a list, on purpose
redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
until redis-cli -h "$1" cluster info | grep -q '^cluster_state:ok'; do sleep 1; done
