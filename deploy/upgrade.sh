#!/bin/sh
# Deploy another image with Docker Compose without downtime: no request is lost.
#
#   sh deploy/upgrade.sh IMAGE         # by its tag or digest
#   sh deploy/upgrade.sh               # the running image, with the current settings
#   sh deploy/upgrade.sh --rollback    # the previous image
#
# Backs up, migrates (a migration only adds), starts every process of the new version next to the old ones,
# switches the link that nginx follows (deploy/compose_traffic.py), watches, and lets the old processes finish. If any
# step before that fails, it removes the new processes, the old version serves, and it exits with 1. Safe to
# run again, even after it was killed. WITHOUT_BACKUP=1 skips the backup; see docs/deploy/compose.md.
set -eu
cd "$(dirname "$0")/.."

#: services of which two may run at the same time; web is started last, after the others
BESIDE="worker-allocation worker-messages worker-maintenance worker-backups follower scheduler web"
READY_SECONDS=${READY_SECONDS:-180}
#: a process without a health check counts as healthy after it has run for this long
STABLE_SECONDS=${STABLE_SECONDS:-5}
#: how long the new version is watched; FAULTS answers with 5xx in that time fail the upgrade
WATCH_SECONDS=${WATCH_SECONDS:-10}
FAULTS=5
# /metrics is refreshed every second
COUNT_SECONDS=${COUNT_SECONDS:-2}
# state of the upgrade: `began`, or `served WHAT IMAGE BEFORE`; then the previous version's containers
JOURNAL=.upgrade

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }
fail() {
    printf 'NOT DONE: %s\n' "$*" >&2
    exit 1
}
compose() { docker compose "$@"; }
of_service() { compose ps --all --quiet "$1"; }
was_there() { grep -q "^$1$" "$JOURNAL"; }

runs() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# still_runs SERVICE: the first container of the previous version that still runs
still_runs() {
    for id in $(of_service "$1"); do
        if was_there "$id" && runs "$id"; then echo "$id"; fi
    done | head -n 1
}
# came SERVICE: the containers that do not belong to the previous version
came() {
    for id in $(of_service "$1"); do
        was_there "$id" || echo "$id"
    done
}
live() { docker exec "$1" python -m deploy.live "$2"; }

# Route all callers to the previous version, and remove the new containers. Returns 1, and changes nothing,
# if the callers cannot be routed there. It is called where `set -e` has no effect
roll_back() {
    old=$(still_runs web)
    if [ -z "$old" ] || ! live "$old" turn; then return 1; fi
    surplus=""
    for service in $BESIDE; do
        # a container that `docker compose up` has recreated since is the only one of its service: keep it
        if [ -z "$(still_runs "$service")" ]; then continue; fi
        for id in $(came "$service"); do surplus="$surplus $id"; done
    done
    if [ -n "$surplus" ]; then
        new=$(came web | head -n 1)
        if [ -n "$new" ]; then live "$new" drain >/dev/null 2>&1 || :; fi
        # shellcheck disable=SC2086  # a list of ids
        docker stop $surplus >/dev/null || return 1
        # shellcheck disable=SC2086
        docker rm --force $surplus >/dev/null || return 1
    fi
    rm -f "$JOURNAL"
}
NO_ROLLBACK="traffic cannot be switched to the previous version, so both versions were left running: \
docker compose ps --all; docker compose logs web. Then run this again"

# the new version serves: let the old one finish its answers and tasks, then end it
finish() {
    read -r _ _ now was <"$JOURNAL"
    if [ -n "$now" ]; then remember "$now" "$was"; fi
    gone=""
    for service in $BESIDE; do
        for id in $(of_service "$service"); do
            if was_there "$id"; then gone="$gone $id"; fi
        done
    done
    old=$(still_runs web)
    if [ -n "$old" ]; then live "$old" drain || :; fi
    if [ -n "$gone" ]; then
        say "stopping the old version after its tasks; a backup may take minutes"
        # shellcheck disable=SC2086
        docker stop $gone >/dev/null
        # shellcheck disable=SC2086
        docker rm --force $gone >/dev/null
    fi
    # only one container can hold Flower's port, and only operators use it
    compose up --detach --no-deps --no-build flower >/dev/null 2>&1 || say "NOTE: flower did not start"
    rm -f "$JOURNAL"
}

ended() {
    code=$?
    trap - EXIT INT TERM HUP
    if [ -e "$JOURNAL" ] && head -n 1 "$JOURNAL" | grep -q '^began$'; then
        say "rolling back" >&2
        if roll_back; then
            say "the previous version serves; the schema may be newer, which it supports" >&2
        else
            say "ROLLBACK FAILED: $NO_ROLLBACK" >&2
        fi
    fi
    exit "$code"
}

setting() { if [ -e .env ]; then sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "\"'"; fi; }

# remember IMAGE BEFORE: the image that `docker compose` starts from now on, and the one for --rollback
remember() {
    file=.env # or its target: a link is preserved
    if [ -L .env ]; then file=$(readlink -f .env); fi
    if [ -e .env ]; then cp -p .env "$file.next"; else (umask 077 && : >"$file.next"); fi
    { if [ -e .env ]; then grep -v -e '^IMAGE=' -e '^IMAGE_BEFORE=' .env || :; fi
      printf 'IMAGE=%s\n' "$1"
      if [ -n "$2" ]; then printf 'IMAGE_BEFORE=%s\n' "$2"; fi
    } >"$file.next"
    mv "$file.next" "$file"
}

await_healthy() { # await_healthy SERVICE ID: wait until it is healthy by its own check or, without one, stays up for STABLE_SECONDS
    ends=$(($(date +%s) + READY_SECONDS))
    stable=0
    while :; do
        # shellcheck disable=SC2046  # three words
        set -- "$1" "$2" $(docker inspect -f \
            '{{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$2")
        if [ "$3" != running ] || [ "$4" != 0 ]; then
            docker logs --tail 8 "$2" >&2 || :
            fail "$1 does not stay up: $3"
        fi
        case $1/$5 in
        web/*) if reason=$(live "$2" check 2>&1); then return; fi ;;
        */healthy) return ;;
        */none) stable=$((stable + 1)); [ "$stable" -gt "$STABLE_SECONDS" ] && return ;;
        *) reason=$5 ;;
        esac
        if [ "$(date +%s)" -gt "$ends" ]; then
            docker logs --tail 8 "$2" >&2 || :
            fail "$1 is not ready after $READY_SECONDS s: ${reason:-}"
        fi
        sleep 1
    done
}

# nginx's own health check: through TLS, by host name, to the web process
through_nginx() {
    nginx=$(compose ps --quiet nginx)
    docker exec "$nginx" sh -c "$(docker inspect -f '{{index .Config.Healthcheck.Test 1}}' "$nginx")"
}

confirm() { # confirm ID: check that requests to nginx reach this container, and are answered
    before=$(live "$1" answered) || fail "the new version does not answer"
    through_nginx || fail "nginx does not answer for the new version"
    sleep "$COUNT_SECONDS"
    [ "$(live "$1" answered)" -gt "$before" ] || fail "requests to nginx do not reach the new version"
    seconds=0
    while [ "$seconds" -lt "$WATCH_SECONDS" ]; do
        faults=$(live "$1" failed) || fail "the new version no longer answers"
        [ "$faults" -lt "$FAULTS" ] || fail "the new version answered $faults requests with 5xx"
        sleep 1
        seconds=$((seconds + 1))
    done
}

# --- the request, and whether it is possible
case ${1:-} in
--rollback) image=$(setting IMAGE_BEFORE) ;;
-*) fail "usage: sh deploy/upgrade.sh [IMAGE | --rollback]" ;;
*) image=${1:-} ;;
esac
command -v flock >/dev/null || fail "flock is not installed: it is in util-linux; on macOS, brew install flock"
exec 9>.upgrade.lock
flock -w 15 9 || fail "another upgrade is under way"
export IMAGE="${image:-$(setting IMAGE)}"
[ -n "$IMAGE" ] || unset IMAGE

if [ -e "$JOURNAL" ]; then
    compose ps --all --quiet >/dev/null || fail "docker compose does not answer"
    if head -n 1 "$JOURNAL" | grep -q '^served'; then
        read -r _ what _ <"$JOURNAL"
        say "finishing the interrupted upgrade"
        finish
        if [ "${1:-}" = --rollback ]; then
            image=$(setting IMAGE_BEFORE)
            export IMAGE="$image"
            # the interrupted run was a rollback, which is now complete
            if [ "$what" = --rollback ]; then say "$(setting IMAGE) serves"; exit 0; fi
        fi
    elif [ -z "$(still_runs web)" ]; then
        say "the version before the interrupted upgrade no longer runs: nothing is rolled back"
        rm -f "$JOURNAL"
        if [ "${1:-}" = --rollback ]; then
            fail "the running version was not changed: docker compose up -d, or sh deploy/upgrade.sh IMAGE"
        fi
    else
        say "rolling back the interrupted upgrade"
        roll_back || fail "$NO_ROLLBACK"
        if [ "${1:-}" = --rollback ]; then exit 0; fi
    fi
fi
if [ "${1:-}" = --rollback ] && [ -z "$image" ]; then
    fail "the previous image is not known (IMAGE_BEFORE in .env): give it, sh deploy/upgrade.sh IMAGE"
fi
web=$(compose ps --quiet web | head -n 1)
if [ -z "$web" ] || ! compose exec -T nginx test -L /var/lib/maitred/sockets/live; then
    fail "nothing is running here that could be upgraded: docker compose up -d"
fi
if [ -z "$image" ]; then
    image=$(docker inspect -f '{{.Config.Image}}' "$web")
elif ! docker pull --quiet "$image" >/dev/null 2>&1; then
    docker image inspect "$image" >/dev/null 2>&1 || fail "$image cannot be pulled, and is not on this machine"
    say "$image cannot be pulled: using the one on this machine"
fi
export IMAGE="$image"

# --- these steps do not affect the serving containers
if [ "${1:-}" != --rollback ]; then
    if [ -n "${WITHOUT_BACKUP:-}" ]; then
        say "NO BACKUP: WITHOUT_BACKUP is set"
    elif ! compose exec -T worker-backups true </dev/null; then
        fail "worker-backups does not run, so no backup can be made: docker compose logs worker-backups"
    elif [ -z "$(compose exec -T worker-backups printenv BACKUP_STORE)" ]; then
        fail "no BACKUP_STORE, so no backup before the upgrade: set it, or WITHOUT_BACKUP=1"
    else
        say "backing up"
        # the former spelling of `backup create`: the running version may know no other
        compose exec -T worker-backups maitred backup || fail "no backup was made; nothing was changed"
    fi
    say "migrating"
    compose run --rm -T --no-deps migrate || fail "the migration failed; the old version serves"
fi

# --- start next to the old version
# shellcheck disable=SC2086  # a list of services
compose rm --force $BESIDE >/dev/null 2>&1 || : # stopped ones, which would start with the new ones
{
    echo began
    for service in $BESIDE; do of_service "$service"; done
} >"$JOURNAL.next"
mv "$JOURNAL.next" "$JOURNAL"
trap ended EXIT
trap 'exit 130' INT TERM HUP
say "starting $image beside the old version"
for service in $BESIDE; do
    count=$(of_service "$service" | wc -l)
    compose up --detach --no-deps --no-build --no-recreate --scale "$service=$((count + 1))" "$service" \
        >/dev/null 2>&1 || fail "$service of $image cannot be started"
done
for service in $BESIDE; do
    for id in $(of_service "$service"); do
        was_there "$id" || await_healthy "$service" "$id"
    done
done

say "switching traffic"
new=$(came web | head -n 1)
live "$new" turn
confirm "$new"

# --- it serves. From here on nothing is rolled back
before=$(docker inspect -f '{{.Config.Image}}' "$web")
previous=$(docker inspect -f '{{.Image}}' "$web")
if [ "$(docker image inspect -f '{{.Id}}' "$before" 2>/dev/null)" != "$previous" ]; then
    docker tag "$previous" maitred:before # the tag now refers to another image
    before=maitred:before
fi
[ "$previous" != "$(docker inspect -f '{{.Image}}' "$new")" ] || before=$(setting IMAGE_BEFORE)
[ "${1:-}" != --rollback ] || before=""
what=upgrade
[ "${1:-}" != --rollback ] || what=--rollback
{ echo "served $what $image $before"; sed 1d "$JOURNAL"; } >"$JOURNAL.next"
mv "$JOURNAL.next" "$JOURNAL"
finish
for file in nginx.conf compose/upstreams.conf; do
    compose exec -T nginx cat "/etc/nginx/$(echo "$file" | sed s/compose/maitred/)" </dev/null |
        cmp -s - "deploy/nginx/$file" ||
        say "NOTE: nginx still runs with the previous $file; at a quiet time: docker compose up -d --no-deps --force-recreate nginx"
done
say "$image serves"
