#!/bin/sh
# Makes the secrets that compose.yaml hands to its containers, once; they are never replaced.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p -m 700 "$folder"
# The folder is closed to others; the files are open, since containers read them as other users.
umask 022
for name in database_password grafana_password; do
    [ -s "$folder/$name" ] || od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"$folder/$name"
done
[ -e "$folder/api_keys" ] || : >"$folder/api_keys"
