#!/bin/sh
# Look an image through for known weaknesses before it is shipped.
#
#   sh deploy/scan.sh IMAGE
#
# By grype of a fixed version and digest, run by Docker; GRYPE names another (a binary, a mirror). Grave ones
# that have a remedy end it with 1; the others are listed. `build/grype.json` keeps what was found.
# What may stay, and why, stands in deploy/grype.yaml.
set -eu
image=${1:?the image to look through}
cd "$(dirname "$0")/.."
pinned=anchore/grype:v0.118.0@sha256:8a93fc48da96bd6ec5981279d099b69de11541dc68fdf222fb9161f8ff284af7
socket=/var/run/docker.sock
mkdir -p build
if [ -z "${GRYPE:-}" ]; then
    # an image that is in Docker here: not the registry's
    GRYPE="docker run --rm --volume $socket:$socket --volume $PWD/deploy:/deploy:ro --volume $PWD/build:/build $pinned"
    folder=""
    source=docker:$image
else
    folder=$PWD
    source=$image
fi
# shellcheck disable=SC2086  # a command and its words
$GRYPE "$source" --config "$folder/deploy/grype.yaml" --output table --output "json=$folder/build/grype.json"
