# The texts that needles are hidden in, compiled into the program.
set(headscope_haystack_data "${PROJECT_SOURCE_DIR}/data/haystack")
file(GLOB headscope_haystack_files CONFIGURE_DEPENDS "${headscope_haystack_data}/*.txt"
     "${headscope_haystack_data}/*.json")
set_source_files_properties(analyses/retrieval/embedded_haystack.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_haystack_files}"
  COMPILE_DEFINITIONS "HEADSCOPE_HAYSTACK_DATA=\"${headscope_haystack_data}\"")
