#include "analyses/sweep/positions.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

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

std::set<std::int64_t> tokens_in(const Span& span) {
  std::set<std::int64_t> tokens;
  for (std::int64_t token = span.begin; token < span.end; ++token) {
    tokens.insert(token);
  }
  return tokens;
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
    tokens = tokens_in(text == "all" ? Span{0, length} : span_of(text, item));
  }
  return tokens;
}

// [B, T] bool: the columns of the tokens that `tokens_of_item` says of each row's item.
template <typename TokensOfItem>
Tensor columns_where(const PromptBatch& batch,
                     const std::vector<TaskItem>& items,
                     const TokensOfItem& tokens_of_item) {
  Tensor chosen = at::zeros({batch.rows(), batch.columns()}, at::kBool);
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto index = static_cast<std::size_t>(row);
    const TaskItem& item = items[static_cast<std::size_t>(batch.items[index])];
    for (const std::int64_t token : tokens_of_item(item)) {
      chosen[row][token + batch.layout().pads[index]].fill_(true);
    }
  }
  return chosen;
}

}  // namespace

Tensor chosen_columns(const PositionChoice& positions,
                      const PromptBatch& batch,
                      const std::vector<TaskItem>& items) {
  return columns_where(
      batch, items, [&](const TaskItem& item) { return tokens_of(positions.text, item); });
}

std::vector<std::string> common_spans(const std::vector<TaskItem>& items) {
  std::vector<std::pair<Span, std::string>> found;
  for (const auto& [name, span] : items.front().clean.spans) {
    const bool everywhere = std::all_of(items.begin(), items.end(), [&](const TaskItem& item) {
      return item.clean.spans.contains(name);
    });
    if (everywhere) {
      found.emplace_back(span, name);
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.begin, a.first.end) < std::tie(b.first.begin, b.first.end);
  });
  std::vector<std::string> names;
  for (auto& [span, name] : found) {
    names.push_back(std::move(name));
  }
  return names;
}

Tensor columns_of_span(const std::string& name,
                       const PromptBatch& batch,
                       const std::vector<TaskItem>& items) {
  return columns_where(
      batch, items, [&](const TaskItem& item) { return tokens_in(item.clean.spans.at(name)); });
}

}  // namespace headscope
