#!/bin/sh
# Scan an image for known vulnerabilities before it is shipped.
#
#   sh deploy/scan.sh IMAGE
#
# Uses grype with a pinned version and digest, run by Docker; GRYPE names another (a binary, a mirror).
# Exits with 1 for fixable vulnerabilities of severity "high" or above; others are only listed. The findings
# are written to `build/grype.json`. Accepted vulnerabilities, with reasons, are in deploy/grype.yaml.
set -eu
image=${1:?the image to scan}
cd "$(dirname "$0")/.."
pinned=anchore/grype:v0.118.0@sha256:8a93fc48da96bd6ec5981279d099b69de11541dc68fdf222fb9161f8ff284af7
socket=/var/run/docker.sock
mkdir -p build
if [ -z "${GRYPE:-}" ]; then
    # the image in the local Docker, not the registry's
    GRYPE="docker run --rm --volume $socket:$socket --volume $PWD/deploy:/deploy:ro --volume $PWD/build:/build $pinned"
    folder=""
    source=docker:$image
else
    folder=$PWD
    source=$image
fi
# shellcheck disable=SC2086  # a command and its arguments
$GRYPE "$source" --config "$folder/deploy/grype.yaml" --output table --output "json=$folder/build/grype.json"
