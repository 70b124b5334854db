# The shapes of published models (data/models/shapes.json), compiled into the program.
set(headscope_model_data "${PROJECT_SOURCE_DIR}/data/models")
set_source_files_properties(lib/families/model_shapes.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_model_data}/shapes.json"
  COMPILE_DEFINITIONS "HEADSCOPE_MODEL_DATA=\"${headscope_model_data}\"")
