// headscope steer fit.
#include <filesystem>

#include "cli/head_set.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/steer/steer_options.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

OrderedJson settings_json(const SteerSettings& settings) {
  OrderedJson out = OrderedJson::object();
  const auto put = [&](const char* key, const auto& value) {
    if (value) {
      out[key] = *value;
    }
  };
  put("top", settings.top);
  put("alpha", settings.alpha);
  put("site", settings.site);
  put("layers", settings.layers);
  put("direction", settings.direction);
  put("goal", settings.goal);
  put("span", settings.span);
  put("atlas", settings.atlas);
  put("detector", settings.detector);
  put("steps", settings.steps);
  put("rate", settings.rate);
  put("rank", settings.rank);
  put("digits", settings.digits);
  put("heads", settings.heads);
  return out;
}

SteerSettings settings_of(const SteerOptions& options) {
  SteerSettings settings = options.settings;
  if (options.rank.size() > 1) {
    throw UsageError("steer fit takes one --rank; steer sweep goes over several");
  }
  if (!options.rank.empty()) {
    settings.rank = options.rank.front();
  }
  if (settings.heads && !is_folder(*settings.heads)) {
    settings.heads = head_set_text(*settings.heads);
  }
  return settings;
}

Json made_of(const SteerOptions& options,
             const Invocation& invocation,
             const SteerData& data,
             const Model& model,
             const OrderedJson& chosen) {
  const Json from = provenance(model,
                               {.command_line = invocation.command_line,
                                .seed = invocation.common.seed,
                                .prepend_bos = options.bos});
  return {{"command_line", from.at("command_line")},
          {"headscope_version", from.at("headscope_version")},
          {"created", from.at("created")},
          {"seed", from.at("seed")},
          {"prepend_bos", from.at("prepend_bos")},
          {"data", {{"path", data.path}, {"hash", data.hash}, {"items", data.items.size()}}},
          {"held_out", options.held_out},
          {"options", Json::parse(settings_json(settings_of(options)).dump())},
          {"chosen", Json::parse(chosen.dump())}};
}

std::string chosen_text(const OrderedJson& chosen) {
  if (chosen.contains("point")) {
    return chosen["point"].get<std::string>();
  }
  std::string heads;
  for (const OrderedJson& one : chosen.value("heads", OrderedJson::array())) {
    heads += (heads.empty() ? "" : " ") + one.at("head").get<std::string>();
  }
  return heads;
}

std::string fitted_text(const SteerOptions& options,
                        const SteerMethod& method,
                        const SteerSplit& split,
                        const Steering& steering) {
  std::vector<std::pair<std::string, std::string>> lines{
      {"method", std::string(method.name)},
      {"examples",
       fmt::format(
           "{} to learn from, {} held out", split.fit.items.size(), split.held_out.items.size())},
      {"chosen", chosen_text(steering.chosen)}};
  const Json& scores = steering.direction.scores;
  for (const auto& [key, value] : scores.items()) {
    if (value.is_number()) {
      lines.emplace_back(key, format_number(value.get<double>()));
    }
  }
  if (scores.contains("held_out")) {
    const Json& held = scores["held_out"];
    lines.emplace_back("held-out score",
                       fmt::format("{} → {}",
                                   format_number(held["before"].get<double>()),
                                   format_number(held["after"].get<double>())));
  }
  lines.emplace_back("folder", options.out);
  lines.emplace_back("apply", "--intervene " + options.out + "/edits.json");
  return facts(lines);
}

void check_folder(const SteerOptions& options) {
  if (options.data.empty() || options.out.empty()) {
    throw UsageError("steer fit needs --data FILE and -o FOLDER");
  }
  const std::filesystem::path folder(options.out);
  if (path_exists(folder) && !is_folder(folder)) {
    throw UsageError("{}: a file; -o of steer fit is a folder", options.out);
  }
  if (path_exists(folder / "direction.json") && !options.overwrite) {
    throw UsageError("{} holds a direction; --overwrite replaces it", options.out);
  }
  check_output_file(folder / "direction.json");
}

}  // namespace

void steer_fit(const SteerOptions& options, const Invocation& invocation) {
  if (options.words.size() != 2) {
    throw UsageError(
        "steer fit METHOD MODEL --data FILE -o FOLDER (headscope steer list names the methods)");
  }
  const SteerMethod& method = find_steer_method(options.words[0]);
  const SteerSettings settings = settings_of(options);
  check_folder(options);
  const Model model = load_model(
      options.words[1], {.device = invocation.common.device, .dtype = invocation.common.dtype});
  const SteerData data = read_steer_data(options.data, model, options.bos);
  const SteerSplit split = split_of(data, options.held_out, invocation.common.seed);
  Steering steering = fit_steering(method,
                                   {.model = model,
                                    .fit = split.fit,
                                    .held_out = split.held_out,
                                    .settings = settings,
                                    .seed = invocation.common.seed});
  steering.direction.made = made_of(options, invocation, data, model, steering.chosen);
  write_direction(steering.direction, steering.edits, options.out);
  show(invocation,
       {{"path", options.out},
        {"method", method.name},
        {"chosen", steering.chosen},
        {"scores", steering.direction.scores}},
       fitted_text(options, method, split, steering));
}

}  // namespace headscope
