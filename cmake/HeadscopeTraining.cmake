# The specs of models to train (data/train), compiled into the program.
set(headscope_training_data "${PROJECT_SOURCE_DIR}/data/train")
file(GLOB headscope_training_files CONFIGURE_DEPENDS "${headscope_training_data}/*.json")
set_source_files_properties(analyses/training/embedded_specs.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_training_files}"
  COMPILE_DEFINITIONS "HEADSCOPE_TRAINING_DATA=\"${headscope_training_data}\"")
