#!/bin/sh
# Makes the passwords that docker-compose.yml mounts as secrets, and the secret that signs drift alerts. A file that is
# there already is left as it is.
# Usage: secrets.sh [FOLDER]   (default: the folder "secrets" beside this script)
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# The folder keeps other users of the host out. The files are readable for all, because each container runs as a user
# of its own and Compose mounts them with the owner and mode that they have here.
chmod 700 "$folder"
for name in postgres_password temporal_db_password mlflow_db_password webhook_secret; do
  file=$folder/$name
  if [ -s "$file" ]; then
    echo "$file is there already"
    continue
  fi
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
  chmod 444 "$file.new"
  mv "$file.new" "$file"
  echo "$file was made"
done
