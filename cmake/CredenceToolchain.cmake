# Compiler settings that every room shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CREDENCE_CCACHE ccache)
if(CREDENCE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/ccache.sh ${CREDENCE_CCACHE})
endif()

find_program(CREDENCE_LLD ld.lld)
if(CREDENCE_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Our own code only; generated code is compiled without these.
add_library(credence_warnings INTERFACE)
target_compile_options(credence_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wfloat-equal
  $<$<BOOL:${CREDENCE_WARNINGS_AS_ERRORS}>:-Werror>
  # GCC 12 warns falsely of overlapping copies inside std::string (GCC bug 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Clang counts sign conversions among the conversions, GCC does not.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)

# Numeric rooms: no fused multiply-add, so that results do not depend on the target's instructions.
add_library(credence_numeric INTERFACE)
target_compile_options(credence_numeric INTERFACE -ffp-contract=off)

# Optimized as little as is bearable: what is instrumented takes several times as long to compile.
if(CREDENCE_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=address,undefined)
elseif(CREDENCE_SANITIZER STREQUAL "fuzzer")
  # Clang only. What is linked counts where the input led; only the fuzzer itself has its main.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=address,undefined)
elseif(CREDENCE_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -O1)
  add_link_options(-fsanitize=thread)
endif()
