# How closely each family agrees with what it follows (data/fixtures/models/verified.json), compiled into the program.
set(headscope_verified "${PROJECT_SOURCE_DIR}/data/fixtures/models/verified.json")
set_source_files_properties(lib/families/verified.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_verified}"
  COMPILE_DEFINITIONS "HEADSCOPE_VERIFIED_DATA=\"${headscope_verified}\"")
