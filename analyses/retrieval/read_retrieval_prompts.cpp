#include "analyses/retrieval/read_retrieval_prompts.h"

#include <cmath>
#include <fstream>
#include <set>

#include "analyses/task/line_fields.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

Span needle_span(const LineFields& line, const RetrievalPrompt& prompt, const Model& model) {
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  const auto spans = line.spans("spans", length);
  if (const auto needle = spans.find("needle"); needle != spans.end()) {
    return needle->second;
  }
  if (prompt.answer.empty()) {
    throw DataError("{}: give the span \"needle\" or the \"answer\"", line.where());
  }
  const auto found = find_answer(model.tokenizer(), prompt.tokens, prompt.answer);
  if (!found) {
    throw DataError("{}: needle not found after tokenising: \"{}\"", line.where(), prompt.answer);
  }
  return *found;
}

NiahPrompt prompt_of(const LineFields& line, const Model& model, PrependBos bos) {
  if (line.has("text") == line.has("tokens")) {
    throw DataError("{}: a prompt has either \"text\" or \"tokens\"", line.where());
  }
  NiahPrompt made;
  RetrievalPrompt& prompt = made.prompt;
  prompt.id = line.name("id");
  prompt.tokens = line.has("text") ? model.tokenizer().encode(line.text("text"), bos)
                                   : line.tokens("tokens", model.config().d_vocab);
  prompt.answer = line.has("answer") ? line.text("answer") : "";
  if (prompt.tokens.size() < 2) {
    throw DataError("{}: a prompt has at least two tokens", line.where());
  }
  prompt.needle = needle_span(line, prompt, model);
  made.context = static_cast<std::int64_t>(prompt.tokens.size());
  made.depth = std::round(100.0 * static_cast<double>(prompt.needle.begin) /
                          static_cast<double>(made.context));
  return made;
}

}  // namespace

std::vector<NiahPrompt> read_retrieval_prompts(const std::filesystem::path& jsonl,
                                               const Model& model,
                                               PrependBos bos) {
  std::ifstream file(jsonl);
  if (!file || is_folder(jsonl)) {
    throw DataError("{}: cannot open the prompts", jsonl.string());
  }
  std::vector<NiahPrompt> prompts;
  std::set<std::string> ids;
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const LineFields line(text,
                          fmt::format("{}:{}", jsonl.string(), number),
                          {"id", "text", "tokens", "spans", "answer"});
    prompts.push_back(prompt_of(line, model, bos));
    std::string& id = prompts.back().prompt.id;
    id = id.empty() ? std::to_string(prompts.size() - 1) : id;
    if (!ids.insert(id).second) {
      throw DataError("{}: the id \"{}\" stands twice", line.where(), id);
    }
  }
  if (prompts.empty()) {
    throw DataError("{}: no prompts", jsonl.string());
  }
  return prompts;
}

}  // namespace headscope
