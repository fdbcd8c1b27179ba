#!/bin/sh
# Run once by the image, when the data folder is empty: a role and its databases for Temporal and for MLflow.
set -eu

# Usage: role NAME DATABASE...   Its password is the secret NAME_db_password.
role() {
  name=$1
  shift
  # psql reads the file itself: an argument could be seen in the list of processes.
  psql -v ON_ERROR_STOP=1 --quiet --username postgres --dbname postgres <<SQL
\set password \`cat /run/secrets/${name}_db_password\`
CREATE ROLE $name LOGIN PASSWORD :'password';
SQL
  for database in "$@"; do
    psql -v ON_ERROR_STOP=1 --quiet --username postgres --dbname postgres <<SQL
CREATE DATABASE $database OWNER $name;
REVOKE ALL ON DATABASE $database FROM PUBLIC;
SQL
  done
}

role temporal temporal temporal_visibility
role mlflow mlflow
