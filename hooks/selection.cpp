#include "hooks/selection.h"

#include <algorithm>

#include "hooks/joined.h"
#include "hooks/row_tokens.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool has_pairs(Site site) {
  return info(site).axis(Axis::query) >= 0 && info(site).axis(Axis::key) >= 0;
}

// A mask of ones along every axis but one.
std::vector<std::int64_t> along(std::int64_t dims, int axis, std::int64_t size) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(dims), 1);
  shape[static_cast<std::size_t>(axis)] = size;
  return shape;
}

Tensor indices_mask(const std::vector<std::int64_t>& indices, const Tensor& value, int axis) {
  Tensor mask = at::zeros({value.size(axis)}, at::kBool);
  for (const std::int64_t index : indices) {
    mask.data_ptr<bool>()[index] = true;
  }
  return mask.view(along(value.dim(), axis, value.size(axis)));
}

bool includes(const std::optional<std::vector<std::int64_t>>& chosen, std::int64_t index) {
  return !chosen || std::find(chosen->begin(), chosen->end(), index) != chosen->end();
}

// Rows of the batch that are of the selected prompts.
std::vector<std::int64_t> selected_rows(const Selection& selection, const Visit& visit) {
  const BatchLayout& layout = visit.layout;
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    if (includes(selection.prompts, layout.prompt(row))) {
      rows.push_back(row);
    }
  }
  for (const std::int64_t prompt : selection.prompts.value_or(std::vector<std::int64_t>{})) {
    if (prompt < 0 || (layout.prompts.empty() && prompt >= layout.rows)) {
      throw UsageError("{}: prompt {} of a batch of {}", visit.name(), prompt, layout.rows);
    }
  }
  return rows;
}

// The column, counted from the first of the prompts, of token `position` of a row.
std::int64_t column_of_token(std::int64_t position, std::int64_t row, const Visit& visit) {
  const BatchLayout& layout = visit.layout;
  const std::int64_t length = RowTokens(visit, row, nullptr).prompt_length();
  const std::int64_t token = position < 0 ? position + length : position;
  if (token < 0 || token >= length) {
    throw UsageError("{}: position {} of prompt {}, which has {}",
                     visit.name(),
                     position,
                     layout.prompt(row),
                     counted(length, "token"));
  }
  return token + layout.pads[static_cast<std::size_t>(row)];
}

Tensor rows_mask(const std::vector<std::int64_t>& rows, const Tensor& value) {
  return indices_mask(rows, value, 0);
}

// A position that another chunk holds is selected there.
Tensor positions_mask(const std::vector<std::int64_t>& positions,
                      const std::vector<std::int64_t>& rows,
                      const Visit& visit,
                      const Tensor& value) {
  const int axis = token_axis(visit.point.site);
  const std::int64_t first = first_column(visit, value);
  const std::int64_t columns = value.size(axis);
  Tensor mask = at::zeros({visit.layout.rows, columns}, at::kBool);
  for (const std::int64_t row : rows) {
    for (const std::int64_t position : positions) {
      const std::int64_t column = column_of_token(position, row, visit) - first;
      if (column >= 0 && column < columns) {
        mask.data_ptr<bool>()[row * columns + column] = true;
      }
    }
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
  shape[0] = visit.layout.rows;
  shape[static_cast<std::size_t>(axis)] = columns;
  return mask.view(shape);
}

// The chosen tokens of the selected rows along one axis, whose first value is column `first`.
Tensor choice_mask(const TokenChoice& choice,
                   const std::vector<std::int64_t>& rows,
                   const Visit& visit,
                   const Tensor& value,
                   int axis,
                   std::int64_t first,
                   const Tokenizer* tokenizer) {
  const std::int64_t columns = value.size(axis);
  Tensor mask = at::zeros({visit.layout.rows, columns}, at::kBool);
  for (const std::int64_t row : rows) {
    const std::int64_t pad = visit.layout.pads[static_cast<std::size_t>(row)];
    const std::vector<char> chosen =
        RowTokens(visit, row, tokenizer).chosen(choice, first - pad, columns);
    std::copy(chosen.begin(), chosen.end(), mask.data_ptr<bool>() + row * columns);
  }
  std::vector<std::int64_t> shape = along(value.dim(), axis, columns);
  shape[0] = visit.layout.rows;
  return mask.view(shape);
}

// [rows, 1, queries, keys]: the selected pairs. Keys count from the first column, queries from this
// pass's.
Tensor pairs_mask(const std::vector<AttentionPair>& pairs,
                  const std::vector<std::int64_t>& rows,
                  const Visit& visit,
                  const Tensor& value) {
  const std::int64_t queries = value.size(2);
  const std::int64_t keys = value.size(3);
  const std::int64_t past = keys - queries;  // also where only the last column's queries run
  Tensor mask = at::zeros({visit.layout.rows, 1, queries, keys}, at::kBool);
  for (const std::int64_t row : rows) {
    for (const AttentionPair& pair : pairs) {
      Tensor part = mask.select(0, row).select(0, 0);
      if (pair.query) {
        const std::int64_t query = column_of_token(*pair.query, row, visit) - past;
        if (query < 0 || query >= queries) {
          continue;
        }
        part = part.narrow(0, query, 1);
      }
      if (pair.key) {
        const std::int64_t key = column_of_token(*pair.key, row, visit);
        if (key >= keys) {
          continue;
        }
        part = part.narrow(1, key, 1);
      }
      part.fill_(true);
    }
  }
  return mask;
}

void check_heads(const std::vector<std::int64_t>& heads,
                 Axis axis,
                 HookPoint point,
                 const ModelConfig& config) {
  const std::string name = hook_name(point.site, point.layer);
  const int at = head_axis(point.site);
  if (at < 0) {
    throw UsageError("{}: has no head axis to select heads of", name);
  }
  const Axis own = info(point.site).axes[static_cast<std::size_t>(at)];
  if (own != axis) {
    throw UsageError("{}: its heads are on the axis \"{}\": select them as {}, not as {}",
                     name,
                     to_string(own),
                     own == Axis::kv_head ? "kv_heads" : "heads",
                     own == Axis::kv_head ? "heads" : "kv_heads");
  }
  const std::int64_t count = *axis_size(axis, config);
  for (const std::int64_t index : heads) {
    if (index < 0 || index >= count) {
      throw UsageError("{}: head {} is out of range; it has {} {}s, 0 to {}",
                       name,
                       index,
                       count,
                       to_string(axis),
                       count - 1);
    }
  }
}

bool is_within(const std::optional<std::vector<std::int64_t>>& part,
               const std::optional<std::vector<std::int64_t>>& whole) {
  return !whole || (part && std::all_of(part->begin(), part->end(), [&](std::int64_t index) {
                      return includes(whole, index);
                    }));
}

bool is_within(const std::optional<std::vector<AttentionPair>>& part,
               const std::optional<std::vector<AttentionPair>>& whole) {
  const auto covered = [&](const AttentionPair& pair) {
    return std::any_of(whole->begin(), whole->end(), [&](const AttentionPair& other) {
      return (!other.query || other.query == pair.query) && (!other.key || other.key == pair.key);
    });
  };
  return !whole || (part && std::all_of(part->begin(), part->end(), covered));
}

}  // namespace

bool is_within(const Selection& part, const Selection& whole) {
  return is_within(part.heads, whole.heads) && is_within(part.kv_heads, whole.kv_heads) &&
         is_within(part.positions, whole.positions) && is_within(part.prompts, whole.prompts) &&
         is_within(part.pairs, whole.pairs) && is_within(part.apply, whole.apply) &&
         is_within(part.keys, whole.keys);
}

void check(const Selection& selection, HookPoint point, const ModelConfig& config) {
  const std::string name = hook_name(point.site, point.layer);
  if (selection.heads) {
    check_heads(*selection.heads, Axis::head, point, config);
  }
  if (selection.kv_heads) {
    check_heads(*selection.kv_heads, Axis::kv_head, point, config);
  }
  if ((selection.positions || !selection.apply.everything()) && token_axis(point.site) < 0) {
    throw UsageError("{}: has no position axis", name);
  }
  if ((selection.pairs || !selection.keys.everything()) && !has_pairs(point.site)) {
    throw UsageError("{}: has no pairs of query and key; hook_attn_scores and hook_pattern do",
                     name);
  }
}

int token_axis(Site site) {
  for (const Axis axis : {Axis::pos, Axis::query, Axis::key}) {
    if (info(site).axis(axis) >= 0) {
      return info(site).axis(axis);
    }
  }
  return -1;
}

// Keys alone (hook_rot_k) start at the first cached column, the others at this pass's.
std::int64_t first_column(const Visit& visit, const Tensor& value) {
  if (has_pairs(visit.point.site)) {
    return value.size(3) - value.size(2);  // also where only the last column's queries run
  }
  return info(visit.point.site).axis(Axis::key) >= 0 ? 0 : visit.layout.past;
}

Tensor selected(const Selection& selection,
                const Visit& visit,
                const Tensor& value,
                const Tokenizer* tokenizer) {
  Tensor mask =
      at::ones(std::vector<std::int64_t>(static_cast<std::size_t>(value.dim()), 1), at::kBool);
  const std::vector<std::int64_t> rows = selected_rows(selection, visit);
  const int heads = head_axis(visit.point.site);
  const auto narrow_to = [&](const Tensor& part) { mask = mask.logical_and(part); };
  if (selection.prompts) {
    narrow_to(rows_mask(rows, value));
  }
  if (selection.heads) {
    narrow_to(indices_mask(*selection.heads, value, heads));
  }
  if (selection.kv_heads) {
    narrow_to(indices_mask(*selection.kv_heads, value, heads));
  }
  if (selection.positions) {
    narrow_to(positions_mask(*selection.positions, rows, visit, value));
  }
  if (selection.pairs) {
    narrow_to(pairs_mask(*selection.pairs, rows, visit, value));
  }
  if (!selection.apply.everything()) {
    const int axis = token_axis(visit.point.site);
    const std::int64_t first = first_column(visit, value);
    narrow_to(choice_mask(selection.apply, rows, visit, value, axis, first, tokenizer));
  }
  if (!selection.keys.everything()) {
    narrow_to(choice_mask(selection.keys, rows, visit, value, 3, 0, tokenizer));
  }
  return mask;
}

}  // namespace headscope
