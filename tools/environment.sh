#!/bin/sh
# Makes .venv hold exactly what a lock names, and the project itself.
#
#   tools/environment.sh run    what the server needs     (requirements/run.txt)
#   tools/environment.sh dev    that, and what tests need (requirements/dev.txt; with npm, tests/clients/node too)
#
# A stamp of the lock's content makes a second call instant. PYTHON names the interpreter to use.
set -eu

cd "$(dirname "$0")/.."
kind=$1
lock=requirements/$kind.txt

say() { echo "environment: $*" >&2; }

fresh_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Debian's python3 has the module venv, but without the package python3-venv nothing to put pip in with.
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if fresh_enough "$candidate" && makes_environments "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

install_python() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "needs Python 3.11 or later with the modules venv and ensurepip."
        say "On Debian: apt-get install python3 python3-venv"
        exit 1
    fi
    say "installing python3 and python3-venv with apt-get"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >&2
}

# The folder is part of the stamp: an environment that was moved points at the old place.
stamp_of() { (pwd; cat "requirements/$1.txt" pyproject.toml src/ripstop/__init__.py) | sha256sum; }

up_to_date() {
    fresh_enough .venv/bin/python && [ "$(cat ".venv/$kind.stamp" 2>/dev/null)" = "$(stamp_of "$kind")" ]
}

# What clients in JavaScript are made of, for their tests, which are skipped where there is no npm or nothing to be had.
install_node_packages() {
    [ "$kind" = dev ] && command -v npm >/dev/null || return 0
    packages=tests/clients/node/package-lock.json
    cmp -s $packages .venv/node/installed.json && return 0
    say "installing $packages"
    rm -rf .venv/node
    mkdir -p .venv/node
    cp tests/clients/node/package*.json .venv/node/
    # In a minute a registry answers, or does not: npm's own patience is five minutes for each of three attempts.
    if (cd .venv/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-timeout=60000 >&2); then
        cp $packages .venv/node/installed.json
    else
        say "npm could not install it: tests of JavaScript clients will be skipped"
    fi
}

if up_to_date; then install_node_packages; exit 0; fi

mkdir -p .venv
exec 9>.venv/lock
flock 9 # of two calls at once the second waits, and finds everything done
if up_to_date; then install_node_packages; exit 0; fi

if ! fresh_enough .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || { install_python && python=$(find_python); } || {
        say "found no Python 3.11 or later that can make an environment"
        exit 1
    }
    say "making .venv with $("$python" --version)"
    rm -rf .venv/bin .venv/lib .venv/lib64 .venv/include .venv/pyvenv.cfg .venv/*.stamp
    "$python" -m venv .venv
fi

# Of hundreds of downloads one may break off, or an index may be busy for a moment.
install() { .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --retries 10 "$@"; }

say "installing $lock"
install --require-hashes -r "$lock"
install --no-deps --no-build-isolation --editable .

stamp_of "$kind" >".venv/$kind.stamp"
if [ "$kind" = dev ]; then stamp_of run >.venv/run.stamp; fi # dev pins all that run pins
install_node_packages
