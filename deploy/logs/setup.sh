#!/bin/sh
# Set up Elasticsearch and Kibana for the logs: before the first line arrives, and after every change. Safe
# to run again.
#
#   sh setup.sh elasticsearch [URL]    the life cycle (90 days) and the index template
#   sh setup.sh kibana [URL]           the data view and the saved searches, replacing the existing ones
set -eu
here=$(dirname "$0")
what=${1:?elasticsearch or kibana}

say() {  # say METHOD URL OPTIONS..: send a request, wait for the server to come up, fail on an error status
    method=$1 url=$2
    shift 2
    answer=$(curl --silent --show-error --fail-with-body --retry 60 --retry-delay 3 \
        --retry-connrefused --request "$method" "$@" "$url") || {
        printf '%s: %s\n' "$url" "$answer" >&2
        exit 1
    }
    printf '%s\n' "$answer"
}

case $what in
elasticsearch)
    server=${2:-http://elasticsearch:9200}
    json="Content-Type: application/json"
    say PUT "$server/_ilm/policy/maitred-90-days" --header "$json" --data "@$here/lifecycle.json"
    say PUT "$server/_index_template/maitred" --header "$json" --data "@$here/template.json"
    ;;
kibana)
    server=${2:-http://kibana:5601}
    answer=$(say POST "$server/api/saved_objects/_import?overwrite=true" \
        --header "kbn-xsrf: setup" --form "file=@$here/searches.ndjson")
    # it answers 200 even if single objects were rejected
    case $answer in
    *'"success":true'*) printf '%s\n' "$answer" ;;
    *) printf 'import failed: %s\n' "$answer" >&2; exit 1 ;;
    esac
    ;;
*)
    printf 'elasticsearch or kibana, not %s\n' "$what" >&2
    exit 2
    ;;
esac
