#include "analyses/sweep/result_header.h"

#include "hooks/provenance.h"
#include "lib/base/json.h"

namespace headscope {

ResultHeader result_header(const Model& model,
                           const Task& task,
                           const std::vector<ResultAxis>& axes,
                           const ResultOrigin& origin,
                           const ResultSubject& subject) {
  ResultHeader header{subject.kind, subject.metric, axes, {}, {}, {}};
  header.provenance = provenance(
      model,
      {.command_line = origin.command_line, .seed = origin.seed, .prepend_bos = subject.bos});
  Json& identity = header.provenance["identity"];
  identity.update(subject.identity);
  identity["task_hash"] = task.hash;
  header.provenance["task"] = task.name;
  header.provenance["title"] = subject.title;
  for (const TaskItem& item : task.items) {
    header.prompt_ids.push_back(item.id);
    header.templates.push_back(item.template_name);
  }
  return header;
}

}  // namespace headscope
