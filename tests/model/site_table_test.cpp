// The table of hook points against what the forward pass shows, and against TransformerLens's
// names.
#include <algorithm>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::int64_t axis_of_input(Axis axis, const Batch& batch) {
  return axis == Axis::batch ? batch.rows() : batch.layout().columns;
}

// Names of `list` that `other` lacks.
std::vector<std::string> only_in(const std::vector<HookPoint>& list,
                                 const std::vector<HookPoint>& other) {
  std::vector<std::string> names;
  for (const HookPoint& point : list) {
    if (std::find(other.begin(), other.end(), point) == other.end()) {
      names.push_back(hook_name(point.site, point.layer));
    }
  }
  return names;
}

void check_shape(HookPoint point,
                 const Tensor& value,
                 const ModelConfig& config,
                 const Batch& batch) {
  const SiteInfo& row = info(point.site);
  REQUIRE(value.dim() == static_cast<std::int64_t>(row.axes.size()));
  for (std::size_t i = 0; i < row.axes.size(); ++i) {
    INFO(to_string(row.axes[i]));
    const auto fixed = axis_size(row.axes[i], config);
    CHECK(value.size(static_cast<std::int64_t>(i)) ==
          (fixed ? *fixed : axis_of_input(row.axes[i], batch)));
  }
}

}  // namespace

TEST_CASE("the table lists what the model shows, in order, with its shapes") {
  for (const FixtureModel& fixture : all_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Tensors expected = read_tensors(fixture.expected);
      const Batch batch = batch_of({prompt(expected, 0), prompt(expected, 1)});
      Watch watch;
      (void)model.forward(batch, watch);
      const std::vector<HookPoint> points = hook_points(model.config());
      CHECK(only_in(watch.points, points) == std::vector<std::string>{});
      CHECK(only_in(points, watch.points) == std::vector<std::string>{});
      CHECK(watch.points.size() == points.size());  // each once
      for (const HookPoint& point : points) {
        INFO(hook_name(point.site, point.layer));
        check_shape(point, watch.at(point.site, point.layer), model.config(), batch);
      }
    }
  }
}

TEST_CASE("a row of the table is found by its site") {
  for (const SiteInfo& row : all_sites()) {
    CHECK(info(row.site).name == row.name);
  }
}

TEST_CASE("hook names are TransformerLens's") {
  std::set<std::string> names;
  for (const SiteInfo& row : all_sites()) {
    names.insert(std::string(row.per_block ? "blocks.{l}." : "") + std::string(row.name));
  }
  for (const char* name : {"hook_embed",
                           "hook_pos_embed",
                           "hook_tokens",
                           "blocks.{l}.hook_resid_pre",
                           "blocks.{l}.hook_resid_mid",
                           "blocks.{l}.hook_resid_post",
                           "blocks.{l}.hook_attn_out",
                           "blocks.{l}.hook_mlp_out",
                           "blocks.{l}.hook_attn_in",
                           "blocks.{l}.hook_q_input",
                           "blocks.{l}.hook_k_input",
                           "blocks.{l}.hook_v_input",
                           "blocks.{l}.hook_mlp_in",
                           "blocks.{l}.ln1.hook_scale",
                           "blocks.{l}.ln1.hook_normalized",
                           "blocks.{l}.ln2.hook_scale",
                           "blocks.{l}.ln2.hook_normalized",
                           "ln_final.hook_scale",
                           "ln_final.hook_normalized",
                           "blocks.{l}.attn.hook_q",
                           "blocks.{l}.attn.hook_k",
                           "blocks.{l}.attn.hook_v",
                           "blocks.{l}.attn.hook_rot_q",
                           "blocks.{l}.attn.hook_rot_k",
                           "blocks.{l}.attn.hook_attn_scores",
                           "blocks.{l}.attn.hook_pattern",
                           "blocks.{l}.attn.hook_z",
                           "blocks.{l}.attn.hook_result",
                           "blocks.{l}.mlp.hook_pre",
                           "blocks.{l}.mlp.hook_pre_linear",
                           "blocks.{l}.mlp.hook_post",
                           "blocks.{l}.attn.hook_out",
                           "blocks.{l}.mlp.hook_out"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("rotated keys and patterns of a cached step reach back to the first token") {
  const FixtureModel fixture = huggingface_fixture("llama3_gqa_tied");
  const Model model = load(fixture);
  const std::vector<std::int32_t> tokens = prompt(read_tensors(fixture.expected), 0);
  KvCache cache(model.config());
  (void)model.forward(batch_of({{tokens.begin(), tokens.end() - 1}}), {.cache = &cache});
  Watch watch;
  (void)model.forward(batch_of({{tokens.back()}}), watch, {.cache = &cache});
  const auto all = static_cast<std::int64_t>(tokens.size());
  CHECK(watch.at(Site::q, 1).size(1) == 1);
  CHECK(watch.at(Site::rot_k, 1).size(1) == all);
  CHECK(watch.at(Site::pattern, 1).sizes() == std::vector<std::int64_t>{1, 4, 1, all});
}
