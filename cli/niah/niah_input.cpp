#include "cli/niah/niah_input.h"

#include <algorithm>
#include <span>

#include "analyses/head_detectors/atlas_list.h"
#include "analyses/retrieval/haystack.h"
#include "analyses/retrieval/read_retrieval_prompts.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/model/beyond_context.h"

namespace headscope {
namespace {

void check_contexts(const NiahVerbOptions& options,
                    const std::vector<std::int64_t>& contexts,
                    const ModelConfig& config) {
  for (const std::int64_t context : contexts) {
    if (context > config.n_ctx && !options.allow_beyond) {
      throw UsageError("a context of {} tokens is longer than the {} of {}; --allow-beyond tries",
                       context,
                       config.n_ctx,
                       options.model);
    }
  }
}

std::string template_of(const std::string& form, const Tokenizer& tokenizer) {
  if (form == "chat" && !tokenizer.single("<|im_start|>")) {
    throw UsageError(
        "this tokenizer has no <|im_start|>: give --template the model's own, with "
        "{context} and {question} in it");
  }
  return form == "plain" ? kPlainTemplate : form == "chat" ? kChatTemplate : form;
}

std::vector<NiahPrompt> made_prompts(const NiahVerbOptions& options, const Model& model) {
  const std::vector<std::int64_t> contexts = parse_contexts(options.contexts);
  check_contexts(options, contexts, model.config());
  return niah_prompts(model.tokenizer(),
                      options.haystack.empty() ? own_haystack() : read_haystack(options.haystack),
                      options.needles.empty() ? own_needles() : read_needles(options.needles),
                      {.contexts = contexts,
                       .depths = parse_depths(options.depths),
                       .form = template_of(options.form, model.tokenizer()),
                       .bos = options.bos});
}

std::string hash_of(const std::vector<NiahPrompt>& prompts) {
  Hasher hasher;
  for (const NiahPrompt& made : prompts) {
    const RetrievalPrompt& prompt = made.prompt;
    hasher.update(prompt.id).update(prompt.answer);
    hasher.update(std::span(reinterpret_cast<const std::uint8_t*>(prompt.tokens.data()),
                            prompt.tokens.size() * sizeof(prompt.tokens[0])));
    hasher.update(fmt::format("{} {}", prompt.needle.begin, prompt.needle.end));
  }
  return hasher.digest();
}

}  // namespace

std::vector<NiahPrompt> prompts_of(const NiahVerbOptions& options, const Model& model) {
  if (options.prompts.empty()) {
    return made_prompts(options, model);
  }
  if (!options.haystack.empty() || !options.needles.empty()) {
    throw UsageError("--prompts takes ready prompts: leave out --haystack and --needles");
  }
  std::vector<NiahPrompt> prompts = read_retrieval_prompts(options.prompts, model, options.bos);
  std::vector<std::int64_t> lengths;
  for (const NiahPrompt& prompt : prompts) {
    lengths.push_back(prompt.context);
  }
  check_contexts(options, lengths, model.config());
  return prompts;
}

Model roomy(const NiahVerbOptions& options,
            const Model& model,
            const std::vector<NiahPrompt>& prompts) {
  std::int64_t most = 0;
  for (const NiahPrompt& prompt : prompts) {
    most = std::max(most, static_cast<std::int64_t>(prompt.prompt.tokens.size()));
  }
  return options.allow_beyond ? beyond_context(model, most + options.max_new) : model;
}

namespace {

// Of the ranking that masks go by: a path alone may name another tomorrow.
std::string content_of(const NiahVerbOptions& options) {
  std::string path = options.heads;
  const std::size_t colon = options.mask_heads.rfind(':');
  const std::string what = options.mask_heads.substr(0, colon);
  if (path.empty() && !what.empty() && what != "top" && what != "random") {
    path = what;
  }
  if (path.empty()) {
    return "";
  }
  std::string scores;
  const HeadList list = read_any_head_list(path);
  for (const HeadId& head : ranked_heads(list.scores)) {
    scores += fmt::format("{} {}\n", to_string(head), list.scores[head]);
  }
  Hasher hasher;
  hasher.update(scores);
  return hasher.digest();
}

}  // namespace

Json provenance_of(const NiahVerbOptions& options,
                   const Invocation& invocation,
                   const Model& model,
                   const std::vector<NiahPrompt>& prompts) {
  Json from = provenance(model,
                         {.command_line = invocation.command_line,
                          .seed = invocation.common.seed,
                          .prepend_bos = options.bos});
  Json& identity = from["identity"];
  identity["contexts"] = options.prompts.empty() ? Json(options.contexts) : Json();
  identity["depths"] = options.prompts.empty() ? Json(options.depths) : Json();
  identity["prompts"] = hash_of(prompts);
  identity["top_k_positions"] = options.top_k;
  identity["max_new"] = options.max_new;
  identity["batch_tokens"] = options.batch_tokens;
  identity["mask_heads"] = options.mask_heads;
  identity["mask_curve"] = options.mask_curve;
  identity["mask_mode"] = options.mask_mode;
  identity["draws"] = options.draws;
  identity["heads"] = options.heads;
  identity["heads_content"] = content_of(options);
  return from;
}

}  // namespace headscope
