# Natural text compiled into the program.
set(headscope_text_data "${PROJECT_SOURCE_DIR}/data/text")
file(GLOB headscope_text_files CONFIGURE_DEPENDS "${headscope_text_data}/*.txt")
set_source_files_properties(analyses/head_detectors/texts.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_text_files}"
  COMPILE_DEFINITIONS "HEADSCOPE_TEXT_DATA=\"${headscope_text_data}\"")
