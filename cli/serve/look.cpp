#include "cli/serve/look.h"

#include <algorithm>
#include <numeric>

#include "cli/http/http_error.h"
#include "cli/serve/look_places.h"
#include "cli/serve/number_json.h"
#include "hooks/address.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/statistics_tap.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/generate/predictions.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

struct LookPlan {
  std::vector<HookPoint> points;
  LookPlaces places;
};

// Before anything runs.
void check_size(const LookPlan& plan,
                std::int64_t tokens,
                const ModelConfig& config,
                const LookLimits& limits) {
  double whole = 0;
  double told = 0;
  for (const HookPoint point : plan.points) {
    const LookSize size = look_size(point, plan.places, tokens, config);
    whole += static_cast<double>(size.whole) * sizeof(float);
    told += static_cast<double>(size.told) * sizeof(float);
  }
  if (told > static_cast<double>(limits.answer_bytes) ||
      whole > static_cast<double>(limits.kept_bytes)) {
    throw HttpError(413,
                    fmt::format("{} of values, {} of them asked for, are more than the {} and {} "
                                "allowed: ask for fewer layers, heads or positions, or for "
                                "\"show\": \"statistics\"",
                                format_bytes(static_cast<std::int64_t>(whole)),
                                format_bytes(static_cast<std::int64_t>(told)),
                                format_bytes(limits.kept_bytes),
                                format_bytes(limits.answer_bytes)),
                    "too_many_values");
  }
}

std::vector<std::string> names_in(const std::vector<HookPoint>& points) {
  std::vector<std::string> names;
  for (const HookPoint point : points) {
    names.push_back(hook_name(point.site, point.layer));
  }
  return names;
}

Recorder recorded(const Model& model, const Prompt& prompt, const LookPlan& plan) {
  Recorder recorder(names_in(plan.points));
  const bool beyond_blocks =
      std::any_of(plan.points.begin(), plan.points.end(), [](HookPoint point) {
        return point.site >= Site::ln_final_scale;
      });
  model.forward(
      Batch::of({&prompt}), recorder, {.logits = beyond_blocks ? Logits::all : Logits::none});
  return recorder;
}

OrderedJson axes_json(HookPoint point) {
  OrderedJson axes = OrderedJson::array();
  for (const Axis axis : info(point.site).axes) {
    if (axis != Axis::batch) {
      axes.push_back(to_string(axis));
    }
  }
  return axes;
}

std::vector<std::int64_t> layers_of(const AttentionJob& job, const ModelConfig& config) {
  std::vector<std::int64_t> layers(static_cast<std::size_t>(config.n_layers));
  std::iota(layers.begin(), layers.end(), 0);
  if (!job.layers) {
    return layers;
  }
  for (const std::int64_t layer : *job.layers) {
    if (layer < 0 || layer >= config.n_layers) {
      throw UsageError("layer {} is not one of {}", layer, config.n_layers);
    }
  }
  return *job.layers;
}

OrderedJson tokens_json(const Model& model, const Prompt& prompt) {
  OrderedJson pieces = OrderedJson::array();
  for (const std::int32_t token : prompt.tokens) {
    pieces.push_back(replace_invalid_utf8(piece_of(model, token)));
  }
  return {
      {"tokens", prompt.tokens}, {"pieces", std::move(pieces)}, {"layers", OrderedJson::object()}};
}

void add_maps(OrderedJson& json,
              const Model& model,
              const Prompt& prompt,
              const AttentionJob& job,
              const LookLimits& limits) {
  LookPlan plan{.points = {}, .places = {.heads = job.heads, .positions = job.positions}};
  for (const std::int64_t layer : layers_of(job, model.config())) {
    plan.points.push_back({Site::pattern, static_cast<int>(layer)});
  }
  check_size(plan, static_cast<std::int64_t>(prompt.tokens.size()), model.config(), limits);
  const Recorder recorder = recorded(model, prompt, plan);
  for (const HookPoint point : plan.points) {
    const Tensor value = recorder.at(hook_name(point.site, point.layer), {.prompt = 0});
    json["layers"][std::to_string(point.layer)] =
        number_json(at_places(value, point, plan.places), job.coding);
  }
}

StatisticsRequest told_statistics() {
  StatisticsRequest request;
  request.first = request.entropy = request.distance = request.columns = true;
  return request;
}

void add_statistics(OrderedJson& json,
                    const Model& model,
                    const Prompt& prompt,
                    const AttentionJob& job) {
  refuse_changed_attention(model, "\"statistics\"");
  const LookPlaces by_query{.heads = job.heads, .positions = job.positions};
  const LookPlaces by_key{.heads = job.heads};
  const auto receive = [&](const Visit& visit, const AttentionStatistics& found) {
    OrderedJson& layer = json["layers"][std::to_string(visit.point.layer)];
    const auto put = [&](const char* name, const Tensor& of_batch, const LookPlaces& places) {
      layer[name] = number_json(at_places(of_batch[0], visit.point, places), job.coding);
    };
    put("first_mass", found.first_mass, by_query);
    put("entropy", found.entropy, by_query);
    put("distance", found.distance, by_query);
    put("column_mass", found.column_mass, by_key);
  };
  std::vector<int> layers;
  for (const std::int64_t layer : layers_of(job, model.config())) {
    layers.push_back(static_cast<int>(layer));
  }
  StatisticsTap tap(told_statistics(), receive, std::move(layers));
  model.forward(Batch::of({&prompt}), tap, {.logits = Logits::none});
}

}  // namespace

OrderedJson values_json(const Model& model,
                        const Prompt& prompt,
                        const ValuesJob& job,
                        const LookLimits& limits) {
  const LookPlan plan{.points = resolve_hooks(job.hooks, model.config()),
                      .places = {.heads = job.heads, .positions = job.positions}};
  check_size(plan, static_cast<std::int64_t>(prompt.tokens.size()), model.config(), limits);
  const Recorder recorder = recorded(model, prompt, plan);
  OrderedJson json = OrderedJson::object();
  for (const HookPoint point : plan.points) {
    const std::string name = hook_name(point.site, point.layer);
    OrderedJson& value = json[name];
    value = {{"axes", axes_json(point)}};
    value.update(
        number_json(at_places(recorder.at(name, {.prompt = 0}), point, plan.places), job.coding));
  }
  return json;
}

OrderedJson attention_json(const Model& model,
                           const Prompt& prompt,
                           const AttentionJob& job,
                           const LookLimits& limits) {
  OrderedJson json = tokens_json(model, prompt);
  if (job.show == AttentionJob::Show::maps) {
    add_maps(json, model, prompt, job, limits);
  } else {
    add_statistics(json, model, prompt, job);
  }
  return json;
}

}  // namespace headscope
