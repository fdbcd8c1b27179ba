#!/bin/sh
# Makes the namespace, once the server answers. RETENTION: how long closed workflows are kept.
set -eu
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((${tries:-0} + 1))
  if [ "$tries" -ge 60 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy after $tries tries: read the log of the service temporal." >&2
    exit 1
  fi
  sleep 1
done
if temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$NAMESPACE" --retention "$RETENTION" >/dev/null
  echo "Namespace $NAMESPACE is there already; closed workflows are kept for $RETENTION"
else
  temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION" >/dev/null
  echo "Namespace $NAMESPACE was made; closed workflows are kept for $RETENTION"
fi
