#include "cli/sweep/sweep_header.h"

#include "hooks/provenance.h"
#include "lib/base/json.h"

namespace headscope {

ResultHeader sweep_header(const Model& model,
                          const Task& task,
                          const std::vector<ResultAxis>& axes,
                          const Invocation& invocation,
                          const SweepOrigin& origin) {
  ResultHeader header{origin.kind, origin.metric, axes, {}, {}, {}};
  header.provenance = provenance(model,
                                 {.command_line = invocation.command_line,
                                  .seed = invocation.common.seed,
                                  .prepend_bos = origin.bos});
  Json& identity = header.provenance["identity"];
  identity.update(origin.identity);
  identity["task_hash"] = task.hash;
  header.provenance["task"] = task.name;
  header.provenance["title"] = origin.title;
  for (const TaskItem& item : task.items) {
    header.prompt_ids.push_back(item.id);
    header.templates.push_back(item.template_name);
  }
  return header;
}

}  // namespace headscope
