// Random batches and parts of them, for property tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "hooks/selection.h"
#include "tests/support/property.h"

namespace headscope::test {

// from … to − 1, all as likely from the first input on (inRange alone begins near `from`).
template <typename T = std::int64_t>
rc::Gen<T> between(T from, T to) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(from, to));
}
inline std::int64_t draw(std::int64_t from, std::int64_t to) {
  return *between(from, to);
}

// The lengths of one to four prompts.
inline std::vector<std::int64_t> draw_lengths() {
  const auto rows = static_cast<std::size_t>(draw(1, 5));
  return *rc::gen::container<std::vector<std::int64_t>>(rows, between<>(1, 7));
}

// One pass over prompts of these lengths, left-padded: all of it, or a chunk in the middle.
inline BatchLayout draw_layout(const std::vector<std::int64_t>& lengths) {
  BatchLayout layout;
  layout.rows = static_cast<std::int64_t>(lengths.size());
  layout.total = *std::max_element(lengths.begin(), lengths.end());
  for (const std::int64_t length : lengths) {
    layout.pads.push_back(layout.total - length);
  }
  layout.past = draw(0, layout.total);
  layout.columns = draw(1, layout.total - layout.past + 1);
  return layout;
}

// Everything (unset), nothing (empty), or some indices below `size`, perhaps twice; with
// `from_end`, also −size … −1.
enum class FromEnd { no, yes };
inline std::optional<std::vector<std::int64_t>> draw_indices(std::int64_t size,
                                                             FromEnd from_end = FromEnd::no) {
  if (draw(0, 3) == 0) {
    return std::nullopt;
  }
  return *rc::gen::container<std::vector<std::int64_t>>(
      static_cast<std::size_t>(draw(0, 4)), between(from_end == FromEnd::yes ? -size : 0, size));
}

// A model of a few heads, two of queries for each of keys.
inline ModelConfig property_config() {
  ModelConfig config;
  config.n_layers = 1;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.d_head = 3;
  config.d_model = 5;
  config.positions = Positions::rotary;
  config.layers.resize(1);
  return config;
}

// Values 1, 2, 3 … of a site, in the shape it has in a pass.
inline Tensor values_of(Site site, const ModelConfig& config, const BatchLayout& layout) {
  std::vector<std::int64_t> shape;
  for (const Axis axis : info(site).axes) {
    const auto fixed = axis_size(axis, config);
    shape.push_back(fixed                 ? *fixed
                    : axis == Axis::batch ? layout.rows
                    : axis == Axis::key   ? layout.keys()
                                          : layout.columns);
  }
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    count *= size;
  }
  const Tensor values = at::empty(shape, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i) {
    values.mutable_data_ptr<float>()[i] = static_cast<float>(i + 1);
  }
  return values;
}

// A place in the values of a site, by axis.
class Place {
 public:
  Place(const Tensor& values, std::int64_t flat) : index_(static_cast<std::size_t>(values.dim())) {
    for (std::int64_t axis = values.dim() - 1; axis >= 0; --axis) {
      index_[static_cast<std::size_t>(axis)] = flat % values.size(axis);
      flat /= values.size(axis);
    }
  }
  [[nodiscard]] std::int64_t row() const { return index_[0]; }
  // Along the first of these axes the site has; nothing if it has none.
  [[nodiscard]] std::optional<std::int64_t> along(Site site, std::vector<Axis> axes) const {
    for (const Axis axis : axes) {
      if (const int at = info(site).axis(axis); at >= 0) {
        return index_[static_cast<std::size_t>(at)];
      }
    }
    return std::nullopt;
  }

 private:
  std::vector<std::int64_t> index_;
};

inline bool among(const std::optional<std::vector<std::int64_t>>& list, std::int64_t index) {
  return !list || std::find(list->begin(), list->end(), index) != list->end();
}

// Whether a column of a row, counted from the first, holds the token at `position`; unset: any.
inline bool is_token(std::optional<std::int64_t> position,
                     std::int64_t column,
                     std::int64_t row,
                     const BatchLayout& layout) {
  const std::int64_t token = column - layout.pads[static_cast<std::size_t>(row)];
  return !position ||
         (token >= 0 && (token == *position || token - layout.length(row) == *position));
}

inline bool holds_pair(const Selection& selection,
                       Site site,
                       const BatchLayout& layout,
                       const Place& place) {
  const std::int64_t query = *place.along(site, {Axis::query}) + layout.past;
  const std::int64_t key = *place.along(site, {Axis::key});
  return std::any_of(
      selection.pairs->begin(), selection.pairs->end(), [&](const AttentionPair& pair) {
        return is_token(pair.query, query, place.row(), layout) &&
               is_token(pair.key, key, place.row(), layout);
      });
}

// Whether a selection holds a place: what hooks/selection.h says, said of one element.
inline bool holds(const Selection& selection,
                  Site site,
                  const BatchLayout& layout,
                  const Place& place) {
  const auto head = place.along(site, {Axis::head});
  const auto kv_head = place.along(site, {Axis::kv_head});
  if (!among(selection.prompts, place.row()) || (head && !among(selection.heads, *head)) ||
      (kv_head && !among(selection.kv_heads, *kv_head)) ||
      (selection.pairs && !holds_pair(selection, site, layout, place))) {
    return false;
  }
  if (!selection.positions) {
    return true;
  }
  // Only rotated keys have columns of earlier passes.
  const auto column = place.along(site, {Axis::pos, Axis::query, Axis::key});
  const bool keys = info(site).axis(Axis::pos) < 0 && info(site).axis(Axis::query) < 0;
  const std::int64_t pad = layout.pads[static_cast<std::size_t>(place.row())];
  const std::int64_t token = *column + (keys ? 0 : layout.past) - pad;
  return token >= 0 && (among(selection.positions, token) ||
                        among(selection.positions, token - layout.length(place.row())));
}

inline constexpr Site kSelectable[] = {
    Site::resid_pre, Site::z, Site::k, Site::rot_k, Site::pattern};

inline Site draw_site() {
  return kSelectable[static_cast<std::size_t>(draw(0, std::size(kSelectable)))];
}

// A part of a site's values that every selected prompt has.
inline Selection draw_selection(Site site,
                                const ModelConfig& config,
                                const std::vector<std::int64_t>& lengths) {
  Selection selection;
  selection.prompts = draw_indices(static_cast<std::int64_t>(lengths.size()));
  std::int64_t shortest = *std::max_element(lengths.begin(), lengths.end());
  for (std::size_t row = 0; row < lengths.size(); ++row) {
    if (among(selection.prompts, static_cast<std::int64_t>(row))) {
      shortest = std::min(shortest, lengths[row]);
    }
  }
  selection.positions = draw_indices(shortest, FromEnd::yes);
  if (info(site).axis(Axis::head) >= 0) {
    selection.heads = draw_indices(config.n_heads);
  }
  if (info(site).axis(Axis::kv_head) >= 0) {
    selection.kv_heads = draw_indices(config.n_kv_heads);
  }
  if (site == Site::pattern && draw(0, 2) == 0) {
    selection.pairs.emplace();
    for (std::int64_t count = draw(0, 4); count > 0; --count) {
      const auto side = [&]() -> std::optional<std::int64_t> {
        return draw(0, 3) == 0 ? std::nullopt : std::optional(draw(-shortest, shortest));
      };
      selection.pairs->push_back({.query = side(), .key = side()});
    }
  }
  return selection;
}

}  // namespace headscope::test
