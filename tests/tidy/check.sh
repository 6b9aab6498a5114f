#!/usr/bin/env bash
# Everything that `make check` looks at: check.sh BUILD_DIRECTORY. Goes on after a finding, so that
# one run shows them all, and fails at the end.
set -u
cd "$(dirname "$0")/../.."
build=$1
failed=''

step() {
  local name=$1
  shift
  printf '== %s\n' "$name"
  if ! "$@"; then failed="$failed $name"; fi
}

# buf is not a Debian package. Where npm can fetch it, it has the last word on the protos.
lint_protos() {
  local tools=$build/buf
  if command -v npm >/dev/null 2>&1; then
    mkdir -p "$tools"
    cp tests/proto/package.json "$tools/"
    if (cd "$tools" && npm install --ignore-scripts --no-package-lock --no-audit --no-fund \
        --loglevel=error >npm.log 2>&1); then
      "$tools/node_modules/.bin/buf" lint
      return
    fi
    echo "npm could not fetch buf; its words are in $tools/npm.log"
  else
    echo 'npm is not here, so buf does not run'
  fi
  echo 'the protos are checked by the descriptor lint alone'
}

step protos lint_protos
step descriptors ninja -C "$build" credence_proto_tests
step descriptors "$build/bin/credence_proto_tests" --gtest_brief=1
step tree python3 tests/tidy/run.py
step checks python3 tests/tidy/tidy_test.py
# The generated headers must stand before Clang reads the sources.
step generated ninja -C "$build" credence_proto
step analysis python3 tests/tidy/analysis.py "$build"

if [ -n "$failed" ]; then
  printf 'make check failed:%s\n' "$failed"
  exit 1
fi
echo 'make check passed'
