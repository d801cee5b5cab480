#!/bin/sh
# Start Alertmanager with the routes next to this file and the operator's receivers; refuse if an alert
# would reach nobody.
#
#   sh deploy/watch/alertmanager.sh RECEIVERS FOLDER [OPTIONS OF ALERTMANAGER]
#   sh deploy/watch/alertmanager.sh RECEIVERS          (only checks whether it would start)
#
# RECEIVERS has Alertmanager's `receivers:` (and `global:` if they need it); each begins with its name, and
# each of its integrations is on a line of its own. FOLDER is Alertmanager's own, for its state and the
# merged configuration.
set -eu
umask 077
receivers=$1
folder=${2:-}
routes=$(dirname "$0")/alertmanager.yml

refuse() {
    echo "!!! alerts would reach nobody: $1. See docs/runbooks/README.md" >&2
    exit 1
}

ways() {  # ways NAME: print the integrations of that receiver, one per line
    sed 's/#.*//' "$receivers" | awk -v wanted="$1" '
        /-[ {]*name:/ {
            name = $0
            sub(/.*-[ {]*name: */, "", name)
            gsub(/["\047]/, "", name)
            sub(/[ ,}].*/, "", name)
        }
        name == wanted && /_configs:/ && !/_configs: *\[ *\]/ {
            sub(/_configs:.*/, "")
            sub(/.*[ {,-]/, "")
            print
        }'
}

[ -s "$receivers" ] || refuse "$receivers is missing or empty"
for name in page ticket; do
    [ -n "$(ways "$name")" ] || refuse "the receiver \`$name\` of $receivers has no integration"
done
ways page | grep -qvx email ||
    refuse "\`page\` is reached only by mail, and a dead mail server could not report itself"

together=${folder:-$(mktemp -d)}/alertmanager.yml
cat "$routes" "$receivers" >"$together"
amtool check-config "$together" >&2 || refuse "Alertmanager rejects $receivers"
if [ -z "$folder" ]; then
    rm -r "$(dirname "$together")"
    exit 0
fi
shift 2
program=$(command -v alertmanager || command -v prometheus-alertmanager)
exec "$program" --config.file="$together" --storage.path="$folder" "$@"
