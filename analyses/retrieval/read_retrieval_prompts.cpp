#include "analyses/retrieval/read_retrieval_prompts.h"

#include <cmath>

#include "hooks/prompts.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

Span needle_of(const Prompt& prompt,
               const std::string& answer,
               const Model& model,
               const std::string& where) {
  if (const auto needle = prompt.spans.find("needle"); needle != prompt.spans.end()) {
    return needle->second;
  }
  if (answer.empty()) {
    throw DataError("{}: give the span \"needle\" or the \"answer\"", where);
  }
  const auto found = find_answer(model.tokenizer(), prompt.tokens, answer);
  if (!found) {
    throw DataError("{}: needle not found after tokenising: \"{}\"", where, answer);
  }
  return *found;
}

NiahPrompt niah_prompt_of(const LineFields& line, const Model& model, PrependBos bos) {
  Prompt prompt = prompt_of(line, model, bos);
  if (prompt.tokens.size() < 2) {
    throw DataError("{}: a prompt has at least two tokens", line.where());
  }
  const std::string answer = line.has("answer") ? line.text("answer") : "";
  const Span needle = needle_of(prompt, answer, model, line.where());
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  NiahPrompt made;
  made.prompt = {std::move(prompt), needle, answer};
  made.context = length;
  made.depth = std::round(100.0 * static_cast<double>(needle.begin) / static_cast<double>(length));
  return made;
}

}  // namespace

std::vector<NiahPrompt> read_retrieval_prompts(const std::filesystem::path& jsonl,
                                               const Model& model,
                                               PrependBos bos) {
  std::vector<NiahPrompt> prompts;
  LineIds ids;
  for_each_line(jsonl, kPromptLines, [&](const std::string& text, const std::string& where) {
    const LineFields line(text, where, {"id", "text", "tokens", "spans", "answer"}, kPromptLines);
    NiahPrompt made = niah_prompt_of(line, model, bos);
    if (made.prompt.id.empty()) {
      made.prompt.id = std::to_string(prompts.size());
    }
    ids.add(made.prompt.id, where, "prompt");
    prompts.push_back(std::move(made));
  });
  if (prompts.empty()) {
    throw DataError("{}: no prompts", jsonl.string());
  }
  return prompts;
}

}  // namespace headscope
