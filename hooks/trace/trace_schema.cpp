#include "hooks/trace/trace_schema.h"

#include <algorithm>
#include <set>
#include <utility>

#include "hooks/stored/provenance.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

void check_spans(const Prompt& prompt) {
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  for (const auto& [name, span] : prompt.spans) {
    if (name.empty() || name == "." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      throw UsageError("prompt {}: '{}' cannot name a span; leave out '/'", prompt.id, name);
    }
    if (span.begin < 0 || span.begin > span.end || span.end > length) {
      throw UsageError("prompt {}: span {} [{}, {}) does not lie in its {} tokens",
                       prompt.id,
                       name,
                       span.begin,
                       span.end,
                       length);
    }
  }
}

void complete_prompts(std::vector<Prompt>& prompts) {
  if (prompts.empty()) {
    throw UsageError("a trace needs at least one prompt");
  }
  for (Prompt& prompt : prompts) {
    prompt.id = storable(std::move(prompt.id));
    prompt.text = storable(std::move(prompt.text));
    if (prompt.tokens.empty()) {
      throw UsageError("prompt {} has no tokens; give it a text or token ids", prompt.id);
    }
    if (!prompt.pieces.empty() && prompt.pieces.size() != prompt.tokens.size()) {
      throw UsageError("prompt {}: {} pieces for {} tokens",
                       prompt.id,
                       prompt.pieces.size(),
                       prompt.tokens.size());
    }
    check_spans(prompt);
  }
}

void check_name(const std::string& name) {
  const bool logits = name == "logits/last" || name == "logits/all";
  if (!logits && (name.empty() || name == "." || name.find('/') != std::string::npos)) {
    throw UsageError("'{}' cannot name a dataset of a trace; hook names have no '/'", name);
  }
}

void complete_dataset(TraceDataset& dataset, std::int64_t longest) {
  check_name(dataset.name);
  if (dataset.axes.empty() || dataset.axes.front() != "prompt" ||
      dataset.axes.size() != dataset.shape.size() + 1) {
    throw UsageError("{}: axes must be \"prompt\" and one name for each of the {} sizes",
                     dataset.name,
                     dataset.shape.size());
  }
  for (std::size_t i = 0; i < dataset.shape.size(); ++i) {
    const std::string& axis = dataset.axes[i + 1];
    std::int64_t& size = dataset.shape[i];
    if (is_ragged_axis(axis)) {
      size = longest;
    } else if (size <= 0) {
      throw UsageError("{}: axis {} has size {}; give at least 1", dataset.name, axis, size);
    }
  }
}

}  // namespace

bool is_ragged_axis(const std::string& axis) {
  return axis == "pos" || axis == "query" || axis == "key";
}

bool is_head_axis(const std::string& axis) {
  return axis == "head" || axis == "kv_head";
}

std::int64_t elements_of(const TraceDataset& dataset) {
  std::int64_t elements = 1;
  for (const std::int64_t size : dataset.shape) {
    if (__builtin_mul_overflow(elements, size, &elements)) {
      throw UsageError("{}: its values are more than a file can hold", dataset.name);
    }
  }
  return elements;
}

std::vector<std::int64_t> shape_at(const TraceDataset& dataset, std::int64_t length) {
  std::vector<std::int64_t> shape = dataset.shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] = is_ragged_axis(dataset.axes[i + 1]) ? length : shape[i];
  }
  return shape;
}

std::int64_t longest_prompt(const std::vector<Prompt>& prompts) {
  std::size_t longest = 0;
  for (const Prompt& prompt : prompts) {
    longest = std::max(longest, prompt.tokens.size());
  }
  return static_cast<std::int64_t>(longest);
}

TraceHeader completed(TraceHeader header) {
  complete_prompts(header.prompts);
  if (header.datasets.empty()) {
    throw UsageError("nothing to record: name a hook point or ask for logits");
  }
  const std::int64_t longest = longest_prompt(header.prompts);
  std::set<std::string> names;
  for (TraceDataset& dataset : header.datasets) {
    complete_dataset(dataset, longest);
    if (!names.insert(dataset.name).second) {
      throw UsageError("{} is to be recorded twice; name it once", dataset.name);
    }
  }
  bytes_to_write(header);  // overflow is an error here
  return header;
}

std::uint64_t bytes_to_write(const TraceHeader& completed_header) {
  std::uint64_t total = 0;
  for (const TraceDataset& dataset : completed_header.datasets) {
    std::int64_t bytes = elements_of(dataset);
    const auto factor = static_cast<std::int64_t>(size_of(dataset.dtype));
    const auto prompts = static_cast<std::int64_t>(completed_header.prompts.size());
    if (__builtin_mul_overflow(bytes, factor, &bytes) ||
        __builtin_mul_overflow(bytes, prompts, &bytes) ||
        __builtin_add_overflow(total, static_cast<std::uint64_t>(bytes), &total) ||
        total > (std::uint64_t{1} << 62)) {
      throw UsageError("{}: its values are more than a file can hold", dataset.name);
    }
  }
  return total;
}

}  // namespace headscope
