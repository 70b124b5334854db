#include "cli/serve/look_places.h"

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool is_head_axis(Axis axis) {
  return axis == Axis::head || axis == Axis::kv_head;
}

bool is_position_axis(Axis axis) {
  return axis == Axis::pos || axis == Axis::query;
}

std::int64_t size_of_axis(Axis axis, std::int64_t tokens, const ModelConfig& config) {
  if (axis == Axis::batch) {
    return 1;
  }
  return axis_size(axis, config).value_or(tokens);
}

Tensor chosen(const Tensor& value,
              std::int64_t axis,
              const std::vector<std::int64_t>& indices,
              const std::string& what) {
  std::vector<std::int64_t> from_start;
  const std::int64_t size = value.size(axis);
  for (const std::int64_t index : indices) {
    if (index < -size || index >= size) {
      throw UsageError("{} {} is not one of {}", what, index, size);
    }
    from_start.push_back(index < 0 ? index + size : index);
  }
  return value.index_select(axis, index_tensor(from_start, value.device()));
}

// The axis of `value` (which has no batch) that `is` holds of.
std::int64_t axis_of(HookPoint point, bool (*is)(Axis), const std::string& plural) {
  const std::vector<Axis>& axes = info(point.site).axes;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (is(axes[i])) {
      return static_cast<std::int64_t>(i) - 1;
    }
  }
  throw UsageError("{} has no {}: leave \"{}\" out, or ask for it in a request of its own",
                   hook_name(point.site, point.layer),
                   plural,
                   plural);
}

}  // namespace

LookSize look_size(HookPoint point,
                   const LookPlaces& places,
                   std::int64_t tokens,
                   const ModelConfig& config) {
  LookSize size{.whole = 1, .told = 1};
  for (const Axis axis : info(point.site).axes) {
    const std::int64_t whole = size_of_axis(axis, tokens, config);
    std::int64_t told = whole;
    if (is_head_axis(axis) && places.heads) {
      told = static_cast<std::int64_t>(places.heads->size());
    } else if (is_position_axis(axis) && places.positions) {
      told = static_cast<std::int64_t>(places.positions->size());
    }
    size.whole *= whole;
    size.told *= told;
  }
  return size;
}

Tensor at_places(const Tensor& value, HookPoint point, const LookPlaces& places) {
  const std::string name = hook_name(point.site, point.layer);
  Tensor part = value;
  if (places.heads) {
    part = chosen(part, axis_of(point, is_head_axis, "heads"), *places.heads, name + ": head");
  }
  if (places.positions) {
    part = chosen(part,
                  axis_of(point, is_position_axis, "positions"),
                  *places.positions,
                  name + ": position");
  }
  return part;
}

}  // namespace headscope
