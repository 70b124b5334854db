// headscope reproduce: published circuits, kinds of heads and results about methods, asked again of
// a model.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/training/trained_reproduction.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/reproduce/component_reuse_view.h"
#include "cli/reproduce/head_reproduction_view.h"
#include "cli/reproduce/reproduce_run.h"
#include "cli/reproduce/trained_reproduction_view.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

// Whether all names are of models trained here, which need no model; UsageError if some are.
bool asks_for_trained(const CLI::App& app, const std::vector<std::string>& names) {
  const auto is_trained = [](const std::string& name) {
    return find_trained_reproduction(name) != nullptr;
  };
  const auto trained = std::count_if(names.begin(), names.end(), is_trained);
  if (trained == 0) {
    return false;
  }
  const std::string& name = *std::find_if(names.begin(), names.end(), is_trained);
  if (static_cast<std::size_t>(trained) < names.size()) {
    throw UsageError("{} trains models of its own; ask for what looks in MODEL by itself", name);
  }
  refuse_unread(app, "reproduce " + name, {"NAME", "output"});
  return true;
}

constexpr TextKind kCircuitsJson{
    .noun = "list of circuits (.json)", .is = [](std::string_view text) {
      return begins_as_json(text, R"({"format":"headscope-reproduce")") ||
             begins_as_json(text, R"({"provenance":{)");  // of earlier versions
    }};

void check_outputs(const std::filesystem::path& folder) {
  check_page_output(folder / "index.html");
  check_output_file(folder / "circuits.json");
  check_replaceable(folder / "circuits.json", kCircuitsJson);
}

Model load_changed(const ReproduceArguments& options, const Invocation& invocation) {
  Model model = load_with(options.model, invocation.common, options.intervene);
  refuse_chosen_positions(model, "reproduce");
  for (const std::string& name : options.names) {
    if (find_head_reproduction(name) != nullptr) {
      refuse_changed_attention(model, "reproduce " + name);
    }
    if (find_study(name) != nullptr && model.standing()) {
      throw UsageError("reproduce {} asks about the model as it is: leave out --intervene", name);
    }
  }
  return model;
}

OrderedJson to_json(const ReproduceArguments& options,
                    const Found& results,
                    const Model& model,
                    const Json& from) {
  OrderedJson json{{"format", "headscope-reproduce"}, {"version", 1}, {"provenance", from}};
  json["provenance"]["options"] = {{"items", options.reproduce.discovery_items},
                                   {"test_items", options.reproduce.test_items},
                                   {"tests", options.reproduce.seeds},
                                   {"random_circuits", options.reproduce.random_circuits},
                                   {"least", options.reproduce.least},
                                   {"most", options.reproduce.most}};
  json["circuits"] = OrderedJson::array();
  for (const Reproduced& result : results.circuits) {
    json["circuits"].push_back(reproduction_json(result, model.config()));
  }
  if (results.circuits.size() > 1) {
    json["overlap"] = overlap_json(results.circuits);
  }
  json["heads"] = OrderedJson::array();
  for (const HeadResult& result : results.heads) {
    json["heads"].push_back(head_result_json(result, model));
  }
  if (results.reuse) {
    json["component_reuse"] = reuse_json(*results.reuse);
  }
  json["studies"] = OrderedJson::array();
  for (const StudyAnswer& answer : results.studies) {
    json["studies"].push_back(study_json(answer));
  }
  return json;
}

std::string to_text(const Found& results, const Model& model) {
  std::string text;
  for (const Reproduced& result : results.circuits) {
    text += reproduction_text(result, model.config()) + "\n";
  }
  if (results.circuits.size() > 1) {
    text += "heads in common\n" + overlap_table(results.circuits).text() + "\n";
  }
  if (results.reuse) {
    text += reuse_text(*results.reuse) + "\n";
  }
  for (const HeadResult& result : results.heads) {
    text += head_result_text(result, model) + "\n";
  }
  for (const StudyAnswer& answer : results.studies) {
    text += study_text(answer) + "\n";
  }
  return text;
}

void write_and_show(const ReproduceArguments& options, const Invocation& invocation) {
  check_outputs(options.out);
  check_sizes(options, invocation.common.seed);
  catch_interrupts();
  const Model model = load_changed(options, invocation);
  const Found results = run_reproductions(options, model, invocation.common.seed);
  check_fired(model);
  const Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  const std::filesystem::path folder = options.out;
  const OrderedJson json = to_json(options, results, model, from);
  write_file(folder / "circuits.json", json.dump(1) + "\n");
  write_reproduction_page(folder / "index.html",
                          results.circuits,
                          results.heads,
                          results.reuse,
                          results.studies,
                          model,
                          fmt::format("{} · weights {} · seed {}",
                                      invocation.command_line,
                                      from.at("weights_hash").get<std::string>(),
                                      invocation.common.seed));
  show(invocation,
       json,
       to_text(results, model) +
           fmt::format("{}   the page: open it in a browser\n",
                       std::filesystem::absolute(folder / "index.html").string()));
}

}  // namespace

Verb reproduce_verb() {
  return {
      .name = "reproduce",
      .summary =
          "Published circuits, kinds of heads and results about methods, asked of a model: a page",
      .example =
          "  headscope reproduce ioi -o out/ioi && xdg-open out/ioi/index.html\n"
          "  headscope reproduce ioi colored-objects gpt2-medium -n 100\n"
          "  headscope reproduce bigram-backcopy mqar modular-addition random-features --threads "
          "1\n"
          "  headscope reproduce greater-than --tests 10 --json\n"
          "  headscope reproduce induction sinks successor retrieval -o out/heads\n"
          "  headscope reproduce component-reuse gpt2-medium\n"
          "  headscope reproduce sae-circuits eap acdc -o out/methods\n"
          "\n"
          "sae-circuits: the area under the ROC curve of discrete codes, EAP, EAP-IG, HISP, exact "
          "patching and\nACDC for the heads of circuits that path patching found, and for models "
          "whose circuit is known. eap: estimates\nagainst edges that are cut, and circuits of "
          "the best edges run alone. acdc: a sweep of thresholds on\nmodels whose circuit is "
          "known.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ReproduceArguments>();
        add_reproduce_options(app, *options);
        return [options, &app, &invocation] {
          settle_names(*options);
          if (asks_for_trained(app, options->names)) {
            run_trained_reproductions(options->names, options->out, invocation);
            return;
          }
          settle_reproduce_options(app, *options);
          write_and_show(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
