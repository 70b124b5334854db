#include <algorithm>
#include <span>

#include "analyses/sae/sae_texts.h"
#include "cli/sae/sae_options.h"
#include "hooks/provenance.h"
#include "hooks/stored_run.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

bool is_trace_word(const std::string& word) {
  const std::filesystem::path path(word);
  return path_exists(path) && !is_folder(path) && path.extension() != ".gguf" &&
         path.extension() != ".safetensors";
}

std::string sae_prompts_hash(const std::vector<Prompt>& prompts) {
  Hasher hasher;
  for (const Prompt& prompt : prompts) {
    const auto bytes = std::as_bytes(std::span(prompt.tokens));
    hasher.update(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
    hasher.update("\n");
  }
  return hasher.digest();
}

void add_model_input(SaeInput& input,
                     const SaeOptions& options,
                     const std::string& name,
                     const Invocation& invocation) {
  input.model = load_model(name, load_options(invocation.common));
  if (options.prompts.empty()) {
    const std::int64_t context = std::min(options.context, input.model->config().n_ctx);
    input.prompts = text_windows(
        *input.model, {options.texts.begin(), options.texts.end()}, context, options.bos);
  } else {
    input.prompts = read_prompts(options.prompts, *input.model, {.bos = options.bos});
  }
  const Json from = provenance(*input.model,
                               {.command_line = invocation.command_line,
                                .seed = invocation.common.seed,
                                .prepend_bos = options.bos});
  input.identity = {{"model", from.at("identity")}, {"prompts", sae_prompts_hash(input.prompts)}};
}

}  // namespace

SaeInput sae_input(const SaeOptions& options, std::string_view verb, const Invocation& invocation) {
  SaeInput input;
  std::vector<std::string> models;
  Json fingerprints = Json::array();
  for (const std::string& word : options.words) {
    if (is_trace_word(word)) {
      input.traces.emplace_back(word);
      fingerprints.push_back(StoredRun(word).fingerprint());
    } else {
      models.push_back(word);
    }
  }
  if (models.size() + (input.traces.empty() ? 0 : 1) != 1) {
    throw UsageError(
        "{} takes one MODEL or traces of one (`headscope record`), not {} models and {} traces",
        verb,
        models.size(),
        input.traces.size());
  }
  if (input.traces.empty()) {
    add_model_input(input, options, models.front(), invocation);
  } else {
    input.identity = {{"traces", fingerprints}};
  }
  return input;
}

}  // namespace headscope
