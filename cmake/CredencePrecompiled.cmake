# Headers that most sources of the server and the clients read, compiled once for each target: half
# of the time of a compilation goes into reading them. A source still includes what it needs; `make
# check` reads each one without this.
option(CREDENCE_PRECOMPILED_HEADERS "Precompile the headers that most sources read" ON)

# credence_precompile(TARGET [HEADER...]): the common headers and the ones named.
function(credence_precompile target)
  if(NOT CREDENCE_PRECOMPILED_HEADERS)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE
    <algorithm> <cstdint> <functional> <map> <memory> <optional> <set> <span> <sstream> <string>
    <string_view> <thread> <utility> <vector>
    "<absl/container/flat_hash_map.h>" "<absl/status/statusor.h>" "<absl/strings/str_cat.h>"
    "<absl/strings/str_join.h>" "<absl/strings/str_split.h>" "<absl/synchronization/mutex.h>"
    "<absl/time/time.h>"
    "<credence/v1/admin_service.pb.h>" "<credence/v1/evidence_service.pb.h>"
    "<credence/v1/forecast_service.pb.h>" "<credence/v1/inference_service.pb.h>"
    "<credence/v1/ledger_service.pb.h>" "<credence/v1/network_service.pb.h>"
    "<credence/v1/question_service.pb.h>" "<credence/v1/score_service.pb.h>"
    ${ARGN})
  # What ccache asks for with GCC.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()
