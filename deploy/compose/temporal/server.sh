#!/bin/sh
# Starts all of Temporal's services in one process, with server.yaml beside this script.
set -eu
TEMPORAL_DB_PASSWORD=$(cat /run/secrets/temporal_db_password)
# The services of the cluster find each other by an address; 0.0.0.0, on which they listen, is none.
BROADCAST_ADDRESS=$(getent hosts "$(hostname)" | awk 'NR == 1 { print $1 }')
export TEMPORAL_DB_PASSWORD BROADCAST_ADDRESS
exec temporal-server --root /opt/mediwatch --config config --env compose --allow-no-auth start
