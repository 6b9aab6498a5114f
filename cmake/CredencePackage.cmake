# The Debian package of the server: `make package` gives build/release/credence_VERSION_ARCH.deb.
# Policy wants paths that a plain `make install` has no use for, so they are installed for the
# package only.
set(deploy ${PROJECT_SOURCE_DIR}/deploy)
set(package ${CMAKE_BINARY_DIR}/package)

# gzip without name and time, as policy wants manual pages and changelogs.
function(credence_compressed source target destination)
  add_custom_command(OUTPUT ${package}/${target}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${package}
    COMMAND gzip -9nc ${source} > ${package}/${target}
    DEPENDS ${source} VERBATIM)
  add_custom_target(credence_package_${target} DEPENDS ${package}/${target})
  add_dependencies(credence_package_files credence_package_${target})
  install(FILES ${package}/${target} DESTINATION ${destination} COMPONENT server EXCLUDE_FROM_ALL)
endfunction()

# install() for the package only, relative to /usr.
function(credence_packaged destination)
  install(FILES ${ARGN} DESTINATION ${destination} COMPONENT server EXCLUDE_FROM_ALL)
endfunction()

add_custom_target(credence_package_files ALL)
add_dependencies(credence_package_files credence_program credence_references)
set(reference ${CMAKE_BINARY_DIR}/server/reference)
credence_compressed(${reference}/credence.1 credence.1.gz share/man/man1)
credence_compressed(${deploy}/debian/changelog changelog.gz share/doc/credence)
install(TARGETS credence_program RUNTIME DESTINATION bin COMPONENT server EXCLUDE_FROM_ALL)
credence_packaged(share/bash-completion/completions ${reference}/credence)
credence_packaged(share/zsh/vendor-completions ${reference}/_credence)
credence_packaged(share/fish/vendor_completions.d ${reference}/credence.fish)
credence_packaged(lib/systemd/system ${deploy}/systemd/credence.service
  ${deploy}/systemd/credence-backup.service ${deploy}/systemd/credence-backup.timer)
install(FILES ${deploy}/systemd/credence.sysusers.conf DESTINATION lib/sysusers.d
  RENAME credence.conf COMPONENT server EXCLUDE_FROM_ALL)
credence_packaged(../etc/credence ${deploy}/systemd/credence.yaml)
credence_packaged(share/doc/credence ${deploy}/README.md ${deploy}/debian/copyright)
credence_packaged(share/doc/credence/examples ${deploy}/nginx/credence.conf
  ${deploy}/prometheus/prometheus.yaml ${deploy}/prometheus/credence.rules.yaml
  ${deploy}/grafana/credence.json)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME credence)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL server)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME credence)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Credence developers <credence@example.org>")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "forecasting ledger: evidence, probabilities, and how good they were
Credence keeps in one append-only log what was observed, who said so, what
was believed because of it, and how good that turned out to be. It serves
gRPC, HTTP and a web page, and anybody can verify the log.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deploy}/debian/postinst ${deploy}/debian/prerm
  ${deploy}/debian/postrm ${deploy}/debian/conffiles)
include(CPack)
