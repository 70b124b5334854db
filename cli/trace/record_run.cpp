#include "cli/trace/record_run.h"

#include "cli/interrupt.h"
#include "cli/render/progress.h"
#include "hooks/record_need.h"

namespace headscope {
namespace {

void check_memory_for(const Model& model,
                      const std::vector<Prompt>& prompts,
                      const RecordOptions& options) {
  const MemoryNeed need = record_need(model, prompts, options);
  check_memory(need,
               model.device(),
               std::string(need.shape.rows > 1 ? "a smaller --batch-tokens" : "shorter prompts") +
                   ", fewer --hooks or --dtype bf16");
}

}  // namespace

RecordResult record_with_progress(const Model& model,
                                  const std::vector<Prompt>& prompts,
                                  const std::filesystem::path& out,
                                  RecordOptions options) {
  check_memory_for(model, prompts, options);
  catch_interrupts();
  Progress bar(static_cast<std::int64_t>(prompts.size()), {.label = "recording"});
  std::size_t drawn = 0;
  options.stop = interrupted;
  options.cancel = interrupted;
  options.progress = [&](std::size_t done, std::size_t) {
    bar.add(static_cast<std::int64_t>(done - drawn));
    drawn = done;
  };
  return record(model, prompts, out, options);
}

}  // namespace headscope
