// headscope hooks: every hook point of a model with its axes and shape.
#include <set>

#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/address.h"
#include "hooks/measured_shapes.h"
#include "hooks/prompts.h"
#include "lib/base/json.h"
#include "lib/base/shape_text.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct HooksArguments {
  std::string model;
  std::string prompt;
  PrependBos bos = PrependBos::automatic;
};

struct HookList {
  ModelConfig config;
  std::vector<HookPoint> points;
  std::vector<std::vector<std::string>> shapes;  // one a point: "batch", "9" …
  std::int64_t tokens = 0;                       // of the prompt; 0: none was run
};

std::vector<std::string> declared_shape(HookPoint point, const ModelConfig& config) {
  std::vector<std::string> shape;
  for (const Axis axis : info(point.site).axes) {
    const auto size = axis_size(axis, config);
    shape.push_back(size ? std::to_string(*size) : std::string(to_string(axis)));
  }
  return shape;
}

HookList list_declared(const ModelConfig& config) {
  HookList list{.config = config, .points = hook_points(config), .shapes = {}};
  for (const HookPoint point : list.points) {
    list.shapes.push_back(declared_shape(point, config));
  }
  return list;
}

// Runs the prompt with every point watched; a value that contradicts the table is an error.
HookList list_measured(const HooksArguments& options, const CommonOptions& common) {
  const Model model = load_model(options.model, load_options(common));
  const Prompt prompt = make_prompt(options.prompt, model, {.bos = options.bos});
  HookList list{.config = model.config(),
                .points = {},
                .shapes = {},
                .tokens = static_cast<std::int64_t>(prompt.tokens.size())};
  for (const MeasuredShape& measured : measure_shapes(model, prompt.tokens)) {
    list.points.push_back(measured.point);
    list.shapes.emplace_back();
    for (const std::int64_t size : measured.shape) {
      list.shapes.back().push_back(std::to_string(size));
    }
  }
  return list;
}

std::string axes_text(HookPoint point) {
  std::vector<std::string_view> names;
  for (const Axis axis : info(point.site).axes) {
    names.push_back(to_string(axis));
  }
  return shape_text(names);
}

OrderedJson to_json(const HookList& list) {
  OrderedJson hooks = OrderedJson::array();
  for (std::size_t i = 0; i < list.points.size(); ++i) {
    const SiteInfo& site = info(list.points[i].site);
    const auto names = names_of(list.points[i]);
    OrderedJson axes = OrderedJson::array();
    OrderedJson shape = OrderedJson::array();
    for (std::size_t axis = 0; axis < site.axes.size(); ++axis) {
      axes.push_back(std::string(to_string(site.axes[axis])));
      const std::string& size = list.shapes[i][axis];
      const bool is_number = size.find_first_not_of("0123456789") == std::string::npos;
      shape.push_back(is_number ? OrderedJson(std::stoll(size)) : OrderedJson(size));
    }
    hooks.push_back({{"name", names.front()},
                     {"layer", list.points[i].layer},
                     {"axes", std::move(axes)},
                     {"shape", std::move(shape)},
                     {"aliases", std::vector<std::string>(names.begin() + 1, names.end())},
                     {"when", std::string(site.when)},
                     {"note", std::string(site.note)}});
  }
  return {{"layers", list.config.n_layers}, {"tokens", list.tokens}, {"hooks", std::move(hooks)}};
}

// Blocks are alike: one line stands for all of them.
std::string to_text(const HookList& list) {
  Table table({{"hook"}, {"axes"}, {"shape"}, {"models that have it"}, {"note"}});
  std::set<Site> shown;  // experts may begin behind the first layer
  for (std::size_t i = 0; i < list.points.size(); ++i) {
    const HookPoint point = list.points[i];
    const SiteInfo& site = info(point.site);
    if (!shown.insert(point.site).second) {
      continue;
    }
    const std::string name =
        site.per_block ? fmt::format("blocks.{{l}}.{}", site.name) : std::string(site.name);
    table.row({name,
               axes_text(point),
               shape_text(list.shapes[i]),
               std::string(site.when.empty() ? "all" : site.when),
               std::string(site.note)});
  }
  return fmt::format("{} hook points; {{l}} is the layer, 0 to {}\n\n{}",
                     list.points.size(),
                     list.config.n_layers - 1,
                     table.text());
}

}  // namespace

Verb hooks_verb() {
  return {
      .name = "hooks",
      .summary = "Every hook point of a model, with its axes and shape",
      .example =
          "  headscope hooks smollm2\n"
          "  headscope hooks smollm2 --prompt \"Hello world\"   # the shapes of a real run",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<HooksArguments>();
        add_model(app, options->model);
        CLI::Option* prompt =
            app.add_option("--prompt", options->prompt, "Run this text and show real shapes");
        add_prepend_bos(app, options->bos);
        return [options, prompt, &invocation] {
          const HookList list = prompt->count() > 0
                                    ? list_measured(*options, invocation.common)
                                    : list_declared(summarize_model(options->model).config);
          show(invocation, to_json(list), to_text(list));
        };
      },
  };
}

}  // namespace headscope
