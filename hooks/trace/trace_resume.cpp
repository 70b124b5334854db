#include "hooks/trace/trace_resume.h"

#include <algorithm>

#include "hooks/trace/provenance.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// Throws "PATH: WHAT is FOUND there but ASKED here; …".
[[noreturn]] void throw_differs(const std::filesystem::path& path,
                                const std::string& what,
                                const std::string& found,
                                const std::string& asked) {
  throw UsageError(
      "{}: cannot be resumed: {} is {} there but {} here; record as before or to another -o",
      path.string(),
      what,
      found,
      asked);
}

void check_identity(const std::filesystem::path& path, const Json& asked, const Json& found) {
  if (const auto differs = identity_difference(found, asked)) {
    throw_differs(path, differs->what, differs->there, differs->here);
  }
}

void check_prompts(const std::filesystem::path& path,
                   const std::vector<TracePrompt>& asked,
                   const std::vector<TracePrompt>& found) {
  if (asked.size() != found.size()) {
    throw_differs(
        path, "the number of prompts", std::to_string(found.size()), std::to_string(asked.size()));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string what = fmt::format("prompt {} ", i);
    if (asked[i].tokens != found[i].tokens) {
      throw_differs(path, what + "tokens", dumped(found[i].tokens), dumped(asked[i].tokens));
    }
    if (asked[i].text != found[i].text) {
      throw_differs(path, what + "text", dumped(found[i].text), dumped(asked[i].text));
    }
    if (asked[i].id != found[i].id) {
      throw_differs(path, what + "id", dumped(found[i].id), dumped(asked[i].id));
    }
    if (asked[i].spans != found[i].spans) {
      throw_differs(path, what + "spans", "one set", "another");
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
      throw_differs(path,
                    dataset.name,
                    there == nullptr ? "not recorded" : described(*there),
                    described(dataset));
    }
  }
  for (const StoredDataset& dataset : found.datasets) {
    if (std::ranges::none_of(
            asked, [&](const TraceDataset& other) { return other.name == dataset.info.name; })) {
      throw_differs(path, dataset.info.name, described(dataset.info), "not recorded");
    }
  }
}

}  // namespace

void check_same_trace(const std::filesystem::path& path,
                      const TraceHeader& asked,
                      const TraceContents& found) {
  check_identity(path, asked.provenance, found.provenance);
  check_datasets(path, asked.datasets, found);
  check_prompts(path, asked.prompts, found.prompts);
}

}  // namespace headscope
