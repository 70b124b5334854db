#include "hooks/trace/trace_resume.h"

#include <algorithm>
#include <string>
#include <vector>

#include "hooks/stored/identity.h"
#include "hooks/stored/provenance.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  refuse_to_resume(path, what, "record as before or to another -o");
}

[[noreturn]] void refuse(const std::filesystem::path& path, const Difference& differs) {
  refuse_to_resume(path, differs, "record as before or to another -o");
}

void check_tokens(const std::filesystem::path& path,
                  std::size_t prompt,
                  const std::vector<std::int32_t>& asked,
                  const std::vector<std::int32_t>& found) {
  if (asked.size() != found.size()) {
    refuse(
        path,
        fmt::format(
            "its prompt {} has {}, not {}", prompt, counted(found.size(), "token"), asked.size()));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i] != found[i]) {
      refuse(path,
             Difference{fmt::format("token {} of its prompt {}", i, prompt),
                        std::to_string(found[i]),
                        std::to_string(asked[i])});
    }
  }
}

void check_prompts(const std::filesystem::path& path,
                   const std::vector<Prompt>& asked,
                   const std::vector<Prompt>& found) {
  if (asked.size() != found.size()) {
    refuse(path, fmt::format("it holds {}, not {}", counted(found.size(), "prompt"), asked.size()));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].text != found[i].text) {
      refuse(path, fmt::format("its prompt {} is another text", i));
    }
    check_tokens(path, i, asked[i].tokens, found[i].tokens);
    if (asked[i].id != found[i].id) {
      refuse(
          path,
          Difference{
              fmt::format("the id of its prompt {}", i), brief(found[i].id), brief(asked[i].id)});
    }
    if (asked[i].spans != found[i].spans) {
      refuse(path, fmt::format("its prompt {} has other spans", i));
    }
  }
}

std::string described(const TraceDataset& dataset) {
  return fmt::format(
      "{} {} {}", to_string(dataset.dtype), dumped(dataset.axes), dumped(dataset.shape));
}

const TraceDataset* find(const TraceContents& contents, const std::string& name) {
  const auto at = std::ranges::find_if(
      contents.datasets, [&](const StoredDataset& dataset) { return dataset.info.name == name; });
  return at == contents.datasets.end() ? nullptr : &at->info;
}

void check_datasets(const std::filesystem::path& path,
                    const std::vector<TraceDataset>& asked,
                    const TraceContents& found) {
  for (const TraceDataset& dataset : asked) {
    const TraceDataset* there = find(found, dataset.name);
    if (there == nullptr || !(*there == dataset)) {
      refuse(path,
             Difference{dataset.name,
                        there == nullptr ? "not recorded" : described(*there),
                        described(dataset)});
    }
  }
  for (const StoredDataset& dataset : found.datasets) {
    if (std::ranges::none_of(
            asked, [&](const TraceDataset& other) { return other.name == dataset.info.name; })) {
      refuse(path, Difference{dataset.info.name, described(dataset.info), "not recorded"});
    }
  }
}

}  // namespace

void check_same_trace(const std::filesystem::path& path,
                      const TraceHeader& asked,
                      const TraceContents& found) {
  if (const auto differs = identity_difference(found.provenance, asked.provenance)) {
    refuse(path, *differs);
  }
  check_prompts(path, asked.prompts, found.prompts);
  check_datasets(path, asked.datasets, found);  // last: their shapes follow from the rest
}

}  // namespace headscope
