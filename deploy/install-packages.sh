#!/bin/sh
# Installs the Debian packages named in the given lists, and nothing when all are there already.
# Works as root, else through sudo.
set -eu

if [ "$#" -eq 0 ]; then
  echo "usage: $0 LIST..." >&2
  exit 2
fi

wanted=$(sed -e 's/#.*//' -- "$@" | tr -s ' \t\n' '\n' | grep -v '^$' | sort -u)

missing=''
for entry in $wanted; do
  package=${entry%%|*}
  # Another origin's package may stand in for Debian's, and not live beside it.
  if [ "$package" != "$entry" ] && command -v "${entry#*|}" >/dev/null 2>&1; then
    continue
  fi
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  if [ "$state" != installed ]; then
    missing="$missing $package"
  fi
done
if [ -z "$missing" ]; then
  exit 0
fi

run=''
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "these packages are missing, and there is neither root nor sudo to install them:$missing" >&2
    exit 1
  fi
  run=sudo
fi

echo "installing:$missing" >&2
$run apt-get update -q
# One word a package is wanted here.
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
