#!/bin/sh
# Compiles the locks from pyproject.toml: each package pinned, with the hashes of its files for every platform.
#
#   tools/lock.sh              keeps the versions that still fit
#   tools/lock.sh --upgrade    takes the newest of everything
#
# No option, index or folder of this machine is written into them. The build backend is locked too, since the
# project itself is installed without build isolation.
set -eu

cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --build-deps-for editable \
        --no-header --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --output-file "$output" "$@" pyproject.toml
}

compile requirements/run.txt "$@"
compile requirements/dev.txt --extra dev --constraint requirements/run.txt "$@"
