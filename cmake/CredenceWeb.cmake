# The web page as a source file of the program. CREDENCE_WEB says what happens where npm is not there
# or cannot fetch what the page needs:
#   AUTO  the build says so and goes on; the program then serves the API without a page
#   ON    the build fails
#   OFF   the page is not built
set(CREDENCE_WEB AUTO CACHE STRING "Build the web page: AUTO, ON or OFF")
set_property(CACHE CREDENCE_WEB PROPERTY STRINGS AUTO ON OFF)

# credence_web_assets(VARIABLE): makes a rule for the source file of the page, and names it.
function(credence_web_assets variable)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  find_program(CREDENCE_NPM npm)
  set(source ${PROJECT_SOURCE_DIR}/clients/web)
  set(work ${CMAKE_BINARY_DIR}/web)
  set(table ${work}/web_assets.cc)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${source}/src/*.ts ${source}/src/*.tsx
    ${source}/src/*.css ${source}/public/* ${source}/scripts/* ${PROJECT_SOURCE_DIR}/proto/*.proto)
  list(FILTER inputs EXCLUDE REGEX "/src/gen/")
  # A page that could not be built is tried again whenever the build is configured.
  if(EXISTS ${work}/no-page)
    file(REMOVE ${work}/no-page ${table})
  endif()
  add_custom_command(OUTPUT ${table}
    COMMAND Python3::Interpreter ${source}/scripts/build.py --web ${CREDENCE_WEB}
      --source ${source} --protos ${PROJECT_SOURCE_DIR}/proto --work ${work} --table ${table} --npm ${CREDENCE_NPM}
    DEPENDS ${inputs} ${source}/package.json ${source}/package-lock.json ${source}/index.html
      ${source}/vite.config.ts ${source}/tsconfig.json
    COMMENT "Building the web page"
    VERBATIM)
  set_source_files_properties(${table} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  set(${variable} ${table} PARENT_SCOPE)
endfunction()
