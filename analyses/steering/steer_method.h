// A way to learn how to steer a model: from examples to a direction and the interventions that
// apply it. Data: `headscope steer list`, --help and docs are printed from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/steering/steer_data.h"
#include "hooks/direction.h"
#include "hooks/intervention.h"
#include "lib/base/head_id.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

// What a user may set. Each method names those it reads; its defaults stand where one is unset.
struct SteerSettings {
  std::optional<std::int64_t> top{};  // how many heads
  std::optional<double> alpha{};      // how strongly; see the method
  std::optional<std::string> site{};  // a hook point without its block: "hook_resid_post"
  std::optional<std::vector<std::int64_t>> layers{};
  std::optional<std::string> direction{};  // iti: "mass-mean" or "probe"
  std::optional<std::string> goal{};       // "raise" or "lower" the score
  std::optional<std::string> span{};       // a named part of each prompt
  std::optional<std::string> atlas{};      // boost: a file of headscope detect
  std::optional<std::string> detector{};   // boost: a role in it
  std::optional<std::int64_t> steps{};     // lofit: passes over the examples in each stage
  std::optional<double> rate{};            // lofit: Adam's step
  std::optional<std::int64_t> rank{};      // low-rank: directions that are kept
  std::optional<std::string> digits{};     // successor-shift: "3:7"
  std::optional<std::string> heads{};      // these, or those of a direction; none chosen here
};

// The settings' names as options and in SteerMethod::reads, and whether each is set.
std::vector<std::pair<std::string_view, bool>> named_settings(const SteerSettings& settings);

struct SteerRequest {
  const Model& model;
  SteerData fit;       // to learn from
  SteerData held_out;  // to measure what was learned; nothing is chosen by it
  SteerSettings settings{};
  std::uint64_t seed = 0;
};

struct Steering {
  SteeringDirection direction;  // its scores are filled in: what was measured on held-out examples
  std::vector<Intervention> edits;
  OrderedJson chosen = OrderedJson::object();  // heads, layer, …: what the method decided
};

struct SteerMethod {
  std::string_view name;
  std::string_view summary;
  std::string_view definition;  // in formulas
  std::string_view source;
  std::vector<std::string_view> reads;  // settings
  Steering (*fit)(const SteerRequest& request);
};

// In the order of `headscope steer list`.
std::span<const SteerMethod> all_steer_methods();

// Throws UsageError with the nearest names.
const SteerMethod& find_steer_method(const std::string& name);

// Runs it. Throws UsageError for a setting that the method does not read, and what it throws.
Steering fit_steering(const SteerMethod& method, const SteerRequest& request);

}  // namespace headscope
