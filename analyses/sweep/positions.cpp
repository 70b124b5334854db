#include "analyses/sweep/positions.h"

#include <charconv>
#include <optional>
#include <set>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::optional<std::vector<std::int64_t>> numbers_in(const std::string& text) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (stop != end && *stop != ',')) {
      return std::nullopt;
    }
    numbers.push_back(number);
    at = stop == end ? end : stop + 1;
  }
  return numbers.empty() ? std::nullopt : std::optional(numbers);
}

Span span_of(const std::string& name, const TaskItem& item) {
  const auto found = item.clean.spans.find(name);
  if (found != item.clean.spans.end()) {
    return found->second;
  }
  std::vector<std::string> names{"all", "end"};
  for (const auto& [known, range] : item.clean.spans) {
    names.push_back(known);
  }
  throw UsageError(
      "--positions {}: item {} has no such span{}", name, item.id, did_you_mean(name, names));
}

// Token numbers of one item.
std::set<std::int64_t> tokens_of(const std::string& text, const TaskItem& item) {
  const auto length = static_cast<std::int64_t>(item.clean.tokens.size());
  std::set<std::int64_t> tokens;
  if (text == "end") {
    tokens.insert(length - 1);
  } else if (const auto numbers = numbers_in(text)) {
    for (const std::int64_t number : *numbers) {
      if (number < -length || number >= length) {
        throw UsageError(
            "--positions {}: item {} has {}", number, item.id, counted(length, "token"));
      }
      tokens.insert(number < 0 ? number + length : number);
    }
  } else {
    const Span span = text == "all" ? Span{0, length} : span_of(text, item);
    for (std::int64_t token = span.begin; token < span.end; ++token) {
      tokens.insert(token);
    }
  }
  return tokens;
}

}  // namespace

Tensor chosen_columns(const PositionChoice& positions,
                      const PromptBatch& batch,
                      const std::vector<TaskItem>& items) {
  Tensor chosen = at::zeros({batch.rows(), batch.columns()}, at::kBool);
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto index = static_cast<std::size_t>(row);
    const TaskItem& item = items[static_cast<std::size_t>(batch.items[index])];
    for (const std::int64_t token : tokens_of(positions.text, item)) {
      chosen[row][token + batch.layout().pads[index]].fill_(true);
    }
  }
  return chosen;
}

}  // namespace headscope
