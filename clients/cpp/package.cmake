# The client as others get it: one library, shared and static, of the objects that this build makes
# anyway, with its headers, and with what CMake and pkg-config need to find it. What is not public is
# hidden where it is declared, in the headers of src/.
include(CMakePackageConfigHelpers)
set(objects)
foreach(part IN ITEMS base event_proto proto client)
  list(APPEND objects $<TARGET_OBJECTS:credence_${part}>)
endforeach()
set(public_libraries protobuf::libprotobuf absl::flat_hash_map absl::function_ref absl::status
  absl::statusor absl::strings absl::time)
set(private_libraries gRPC::grpc++ absl::random_random absl::synchronization OpenSSL::SSL
  OpenSSL::Crypto)
foreach(kind IN ITEMS shared static)
  string(TOUPPER ${kind} type)
  add_library(credence_client_${kind} ${type} ${objects})
  set_target_properties(credence_client_${kind} PROPERTIES
    OUTPUT_NAME credence-client EXPORT_NAME client_${kind} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(credence_client_${kind} PUBLIC cxx_std_20)
  target_include_directories(credence_client_${kind} INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(credence_client_${kind} PUBLIC ${public_libraries}
    PRIVATE ${private_libraries})
endforeach()
target_link_options(credence_client_shared PRIVATE -Wl,--no-undefined)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Credence)
install(TARGETS credence_client_shared credence_client_static EXPORT CredenceTargets)
install(EXPORT CredenceTargets NAMESPACE credence:: DESTINATION ${package_folder})
configure_package_config_file(CredenceConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/CredenceConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/CredenceConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/CredenceConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/CredenceConfigVersion.cmake DESTINATION ${package_folder})
# The prefix is found from where the file lies, so that `cmake --install --prefix` may choose it.
file(RELATIVE_PATH prefix_below_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(credence-client.pc.in credence-client.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/credence-client.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY include/ ${CMAKE_SOURCE_DIR}/base/include/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
foreach(folder IN ITEMS v1 event)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/proto/generated/credence/${folder}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/credence FILES_MATCHING PATTERN "*.pb.h"
    PATTERN "*.grpc.pb.h" EXCLUDE)
endforeach()
