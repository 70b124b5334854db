// headscope compare: how far two lists of heads agree.
#include "analyses/head_lists/compare.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "analyses/head_detectors/atlas.h"
#include "analyses/head_detectors/atlas_list.h"
#include "analyses/head_lists/read_head_list.h"
#include "analyses/results/result_store.h"
#include "cli/atlas/compared_atlases.h"
#include "cli/common_options.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/sweep/compared_results_view.h"
#include "cli/trace/known_file.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr std::size_t kTop = 20;

struct CompareArguments {
  std::string a;
  std::string b;
  std::string kv = "refuse";
  std::string out;
  std::size_t top = 15;
};

OrderedJson maybe(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

std::string percent(double share) {
  return format_number(share * 100, 1) + " %";
}

// A column a list, so that long paths stay out of the way.
Table list_table(const Comparison& found) {
  Table table({{""}, {"A"}, {"B"}});
  const ListSummary a = summarize(found.a);
  const ListSummary b = summarize(found.b);
  const auto active = [](const HeadList& list, const ListSummary& summary) {
    return list.active.empty() ? OrderedJson() : OrderedJson(summary.always_active);
  };
  const auto samples = [](const HeadList& list) {
    return list.samples > 0 ? OrderedJson(list.samples) : OrderedJson();
  };
  table.row({"format", found.a.format, found.b.format});
  table.row({"heads", shape_of(found.a), shape_of(found.b)});
  table.row({"samples", samples(found.a), samples(found.b)});
  table.row({"heads ≥ 0.1", a.at_least_tenth, b.at_least_tenth});
  table.row({"heads ≥ 0.5", a.at_least_half, b.at_least_half});
  table.row({"active in all samples", active(found.a, a), active(found.b, b)});
  table.row({"mean", a.mean, b.mean});
  table.row({"median", a.median, b.median});
  table.row({"0", percent(a.bins.none), percent(b.bins.none)});
  table.row({"0 to 0.1", percent(a.bins.weak), percent(b.bins.weak)});
  table.row({"0.1 to 0.5", percent(a.bins.retrieval), percent(b.bins.retrieval)});
  table.row({"0.5 and more", percent(a.bins.strong), percent(b.bins.strong)});
  return table;
}

Table top_table(const Comparison& found) {
  Table table({{"rank"}, {"A"}, {"score of A"}, {"B"}, {"score of B"}});
  const std::vector<HeadId> a = ranked_heads(found.a.scores);
  const std::vector<HeadId> b = ranked_heads(found.b.scores);
  for (std::size_t i = 0; i < std::min(kTop, a.size()); ++i) {
    table.row(
        {i + 1, to_string(a[i]), found.a.scores[a[i]], to_string(b[i]), found.b.scores[b[i]]});
  }
  return table;
}

Table overlap_table(const Comparison& found) {
  Table table({{"top"}, {"in both"}, {"by chance"}, {"Jaccard"}, {"the cut"}});
  for (const TopOverlap& overlap : found.overlaps) {
    table.row({overlap.k,
               overlap.both,
               overlap.expected,
               overlap.jaccard,
               overlap.tied ? "among equal scores: says nothing" : ""});
  }
  return table;
}

OrderedJson list_json(const HeadList& list) {
  const ListSummary summary = summarize(list);
  OrderedJson json{
      {"path", list.path},
      {"format", list.format},
      {"space", list.space == HeadSpace::kv ? "kv" : "query"},
      {"n_layers", list.scores.grid.n_layers},
      {"n_heads", list.scores.grid.n_heads},
      {"samples", list.samples > 0 ? OrderedJson(list.samples) : OrderedJson()},
      {"at_least_tenth", summary.at_least_tenth},
      {"at_least_half", summary.at_least_half},
      {"in_all_samples", list.active.empty() ? OrderedJson() : OrderedJson(summary.always_active)},
      {"mean", summary.mean},
      {"median", summary.median},
      {"bins",
       {{"none", summary.bins.none},  // shares of heads: 0, to 0.1, to 0.5, and more
        {"weak", summary.bins.weak},
        {"retrieval", summary.bins.retrieval},
        {"strong", summary.bins.strong}}},
      {"note", list.note},
      {"top", OrderedJson::array()}};
  for (const HeadId& head : top_heads(list.scores, kTop)) {
    OrderedJson entry = head_json(head);
    entry["score"] = list.scores[head];
    json["top"].push_back(std::move(entry));
  }
  return json;
}

OrderedJson to_json(const Comparison& found) {
  OrderedJson json{{"a", list_json(found.a)},
                   {"b", list_json(found.b)},
                   {"pearson", maybe(found.pearson)},
                   {"spearman", maybe(found.spearman)},
                   {"overlap", OrderedJson::array()}};
  for (const TopOverlap& overlap : found.overlaps) {
    json["overlap"].push_back({{"top", overlap.k},
                               {"both", overlap.both},
                               {"by_chance", overlap.expected},
                               {"jaccard", overlap.jaccard},
                               {"tied", overlap.tied}});
  }
  return json;
}

std::string to_text(const Comparison& found) {
  const auto name = [](const HeadList& list) {
    return list.path + (list.note.empty() ? "" : fmt::format(" ({})", list.note));
  };
  const std::string text =
      facts({{"A", name(found.a)}, {"B", name(found.b)}}) + "\n" + list_table(found).text();
  const auto shown = [](const std::optional<double>& value) {
    return value ? format_number(*value) : std::string("– (a list does not vary)");
  };
  return text + "\n" + top_table(found).text() + "\n" + overlap_table(found).text() + "\n" +
         facts({{"Pearson over all heads", shown(found.pearson)},
                {"Spearman", shown(found.spearman)}});
}

bool is_atlas_file(const std::string& path) {
  if (!path_exists(path) || is_folder(path)) {
    return false;
  }
  const auto known = known_file(path);
  return known && known->noun == "atlas";
}

void compare_two_results(const CompareArguments& options, const Invocation& invocation) {
  const ComparedResults found = compare_results(read_result(options.a), read_result(options.b));
  const ComparedNames names{options.a, options.b};
  if (!options.out.empty()) {
    write_compared_map(found, names, options.out);
  }
  show(invocation, compared_json(found, names), compared_text(found, names, options.top));
}

// Files that are no lists of heads. False where both may be lists.
bool compare_files(const CompareArguments& options, const Invocation& invocation) {
  const bool results = is_result_file(options.a);
  if (results != is_result_file(options.b)) {
    throw UsageError("{} is a result and {} is not: compare two of one kind",
                     results ? options.a : options.b,
                     results ? options.b : options.a);
  }
  if (results) {
    compare_two_results(options, invocation);
    return true;
  }
  if (!options.out.empty()) {
    throw UsageError("-o is a map of changes, which two results have; {} is none", options.a);
  }
  if (is_atlas_file(options.a) && is_atlas_file(options.b)) {
    const Atlas a = read_atlas(options.a);
    const Atlas b = read_atlas(options.b);
    show(invocation, compared_atlases_json(a, b), compared_atlases_text(a, b));
    return true;
  }
  return false;
}

}  // namespace

Verb compare_verb() {
  return {
      .name = "compare",
      .summary = "How far two sweeps, two atlases or two lists of heads agree, and what differs",
      .example =
          "  headscope compare niah.heads.json llama-2-7b-80k.json\n"
          "  headscope compare heads.json attn_patterns/Llama-2-7B-32K-Instruct --kv max\n"
          "  headscope compare atlas.h5:retrieval niah.heads.json\n"
          "  headscope compare patch.h5 path.h5 -o change.png   # two sweeps, cell by cell\n"
          "  headscope compare base.atlas.h5 tuned.atlas.h5     # roles in both, in one alone\n"
          "\n"
          "Reads the JSON of Retrieval_Head ({\"layer-head\": [scores]}), DuoAttention's TSV or "
          "its folder,\nand {\"heads\": [{\"layer\", \"head\", \"score\"}]}, as niah writes them; "
          "the content tells which. ATLAS.h5:DETECTOR is a detector's scores.\nBins and thresholds "
          "(0.1, 0.5) are those of Wu et al. 2024. "
          "Lists per query head and per KV head\ndo not compare unless --kv max makes one of the "
          "other.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<CompareArguments>();
        app.add_option("A", options->a, "A list of heads")->required();
        app.add_option("B", options->b, "Another")->required();
        app.add_option("--kv", options->kv, "Query heads to KV heads: the max of each group")
            ->check(CLI::IsMember({"refuse", "max"}))
            ->capture_default_str();
        add_output(
            app, options->out, "Of two results: the map of B − A as a picture (.png, .svg, .pdf)");
        app.add_option("--top", options->top, "Cells of two results to list")
            ->capture_default_str();
        return [options, &invocation] {
          if (compare_files(*options, invocation)) {
            return;
          }
          const Comparison found =
              compare(read_any_head_list(options->a),
                      read_any_head_list(options->b),
                      {.kv = options->kv == "max" ? KvReduction::max : KvReduction::refuse});
          show(invocation, to_json(found), to_text(found));
        };
      },
  };
}

}  // namespace headscope
