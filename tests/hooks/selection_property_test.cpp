// Selections and edits against a loop over every element.
#include "hooks/edits.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/property.h"
#include "tests/support/random_layout.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// 0: a query sees all keys before it.
ModelConfig windowed(std::int64_t window) {
  ModelConfig config = property_config();
  config.layers[0].window = window;
  return config;
}

struct RandomPass {
  std::vector<std::int64_t> lengths = draw_lengths();
  BatchLayout layout = draw_layout(lengths);
  ModelConfig config = windowed(draw(0, 4));
  HookPoint point{draw_site(), 0};
  Visit visit{point, layout, config};
  Tensor values = values_of(point.site, config, layout);
};

// An op changes a pattern where a query sees a key, and all that padding's own queries have.
bool may_change(const RandomPass& pass, const Place& place) {
  if (pass.point.site != Site::pattern) {
    return true;
  }
  const std::int64_t pad = pass.layout.pads[static_cast<std::size_t>(place.row())];
  const std::int64_t query = *place.along(Site::pattern, {Axis::query}) + pass.layout.past;
  const std::int64_t key = *place.along(Site::pattern, {Axis::key});
  const std::int64_t window = pass.config.layers[0].window;
  const bool near = window == 0 || key > query - window;
  return query < pad || (key >= pad && key <= query && near);
}

// What an edit does to one element, beside what does it to the whole.
struct RandomEdit {
  explicit RandomEdit(const RandomPass& pass)
      : kind(static_cast<int>(draw(0, 4))),
        operand(static_cast<float>(draw(-3, 4))),
        selection(draw_selection(pass.point.site, pass.config, pass.lengths)) {}

  void put_into(Edits& edits, const std::string& name) const {
    auto place = edits.at(name, selection);
    switch (kind) {
      case 0:
        return place.zero();
      case 1:
        return place.scale(operand);
      case 2:
        return place.add(at::full({1}, operand));
      default:
        return place.replace(at::full({1}, operand));
    }
  }
  [[nodiscard]] float of(float value) const {
    return kind == 0 ? 0.0F : kind == 1 ? value * operand : kind == 2 ? value + operand : operand;
  }

  [[nodiscard]] bool puts_in_place() const { return kind != 1 && kind != 2; }

  int kind;
  float operand;
  Selection selection;
};

// An edit that puts something in place selects a part of what one before it changed.
bool any_meets(const RandomPass& pass, const std::vector<RandomEdit>& list) {
  for (std::size_t later = 1; later < list.size(); ++later) {
    for (std::size_t earlier = 0; list[later].puts_in_place() && earlier < later; ++earlier) {
      for (std::int64_t i = 0; i < pass.values.numel(); ++i) {
        const Place place(pass.values, i);
        if (holds(list[earlier].selection, pass.point.site, pass.layout, place) &&
            holds(list[later].selection, pass.point.site, pass.layout, place)) {
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace

TEST_CASE("a selection holds the elements that its words name, in any layout") {
  property("selected() says of each element what the loop says", [] {
    const RandomPass pass;
    const Selection selection = draw_selection(pass.point.site, pass.config, pass.lengths);
    check(selection, pass.point, pass.config);
    const Tensor mask =
        selected(selection, pass.visit, pass.values).expand_as(pass.values).contiguous();
    for (std::int64_t i = 0; i < pass.values.numel(); ++i) {
      const Place place(pass.values, i);
      RC_ASSERT(mask.const_data_ptr<bool>()[i] ==
                holds(selection, pass.point.site, pass.layout, place));
    }
  });
}

TEST_CASE("a position is refused just where a selected prompt is too short for it") {
  property("positions beyond a prompt's end", [] {
    const RandomPass pass;
    Selection selection;
    selection.prompts = draw_indices(pass.layout.rows);
    const std::int64_t position = draw(-7, 7);
    selection.positions = {{position}};
    bool beyond = false;
    for (std::int64_t row = 0; row < pass.layout.rows; ++row) {
      const std::int64_t length = pass.lengths[static_cast<std::size_t>(row)];
      beyond |= among(selection.prompts, row) && (position >= length || position < -length);
    }
    if (beyond) {
      RC_ASSERT_THROWS_AS(selected(selection, pass.visit, pass.values), UsageError);
    } else {
      selected(selection, pass.visit, pass.values);
    }
  });
}

TEST_CASE("edits in a row change what each selects, one after the other, or are refused") {
  property("visit() gives what the loop gives", [] {
    const RandomPass pass;
    std::vector<RandomEdit> list;
    Edits edits;
    for (std::int64_t count = draw(1, 4); count > 0; --count) {
      list.emplace_back(pass);
      list.back().put_into(edits, pass.visit.name());
    }
    edits.begin(pass.config);
    const Tensor before = pass.values.clone();
    Tensor after;
    try {
      after = edits.visit(pass.visit, pass.values).contiguous();
    } catch (const UsageError&) {  // one would leave nothing of another
      RC_ASSERT(any_meets(pass, list));
      return;
    }
    RC_ASSERT(identical(pass.values, before));  // nothing is changed in place
    for (std::int64_t i = 0; i < before.numel(); ++i) {
      float want = before.const_data_ptr<float>()[i];
      for (const RandomEdit& edit : list) {
        const Place place(before, i);
        const bool chosen = holds(edit.selection, pass.point.site, pass.layout, place);
        want = chosen && may_change(pass, place) ? edit.of(want) : want;
      }
      RC_ASSERT(after.const_data_ptr<float>()[i] == want);
    }
  });
}
