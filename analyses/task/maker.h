// The tasks headscope makes itself, aligned to a tokenizer and drawn from a seed.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "analyses/task/draft.h"
#include "analyses/task/word_file.h"
#include "lib/base/random.h"

namespace headscope {

struct MakerContext {
  const WordFile& words;
  std::string corruption;                // one of the maker's
  const Tokenizer* tokenizer = nullptr;  // none: an example to look at is wanted
  PrependBos bos = PrependBos::automatic;

  // Those of the list `key` that are one token after a blank. DataError if fewer than `at_least`.
  [[nodiscard]] std::vector<std::string> single(const std::string& key, std::size_t at_least) const;
  [[nodiscard]] bool is_single(const std::string& word) const;

  // The list "templates", every one checked (see check_pattern()).
  [[nodiscard]] std::vector<std::string> templates(const std::vector<std::string>& slots) const;
};

// Draws one pair; `turn` counts the draws and so goes round the templates.
using DrawDraft = std::function<Draft(Random&, std::size_t turn)>;

struct TaskMaker {
  struct Named {
    std::string_view name;
    std::string_view what;
  };
  std::string_view name;
  std::string_view summary;
  std::string_view source;  // the paper it is from
  std::vector<Named> spans;
  std::vector<Named> corruptions;  // the first is the default
  std::string_view words;          // templates and word lists: JSON, compiled in
  DrawDraft (*open)(const MakerContext&);
  // A published file in the form of `words`; null where there is none.
  Json (*published)(const Json& file, const std::filesystem::path& path) = nullptr;
};

// In the order of `headscope task list`.
std::span<const TaskMaker> all_task_makers();

// Throws UsageError naming the nearest ones.
const TaskMaker& task_maker(const std::string& name);

struct MakeOptions {
  std::int64_t n = 100;
  std::uint64_t seed = 0;
  std::string corruption;           // empty: the first
  std::filesystem::path templates;  // replaces the lists it has; empty: ours
  PrependBos bos = PrependBos::automatic;
};

// `n` different items; the same options and tokenizer give the same items, whatever the machine,
// and a larger n begins with those of a smaller. Draws that do not fit the tokenizer (see fit())
// are counted in `skipped` and drawn again; DataError saying why if 1,000 in a row do not do.
// Throws UsageError for an unknown task or corruption, DataError for a template file that is wrong.
Task make_task(const std::string& name, const Tokenizer& tokenizer, const MakeOptions& options);

// A pair as words, for people to look at: no tokenizer has seen it.
Draft example_of(const TaskMaker& maker);

}  // namespace headscope
