#!/bin/sh
# Compiles through ccache: ccache.sh CCACHE COMPILER ARGUMENT...
#
# Before a header is precompiled anew, the old form goes. ccache asks the preprocessor what the result
# depends on, and GCC's would read the old form instead of the header: a change of the header, or of
# what it includes, would bring the old form back from the cache.
for argument in "$@"; do
  case "$argument" in
    *.gch) rm -f "$argument" ;;
  esac
done
# What precompiled headers need; no source asks for the time of its compilation.
export CCACHE_SLOPPINESS=pch_defines,time_macros
exec "$@"
