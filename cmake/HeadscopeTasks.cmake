# Templates and word lists of the built-in tasks, compiled into the program.
set(headscope_task_data "${PROJECT_SOURCE_DIR}/data/tasks")
file(GLOB headscope_task_files CONFIGURE_DEPENDS "${headscope_task_data}/*.json")
set_source_files_properties(analyses/task/makers/embedded_words.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_task_files}"
  COMPILE_DEFINITIONS "HEADSCOPE_TASK_DATA=\"${headscope_task_data}\"")
headscope_layer(tasks OPTIMIZE -O1 BATCH 10 DIRS analyses/task analyses/task/makers LINK headscope::trace)
