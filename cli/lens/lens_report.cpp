#include "cli/lens/lens_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/provenance_text.h"
#include "cli/render/table.h"
#include "cli/render/visible.h"
#include "lib/base/counted.h"

namespace headscope {
namespace {

std::string top_text(const std::vector<Prediction>& top) {
  std::string text;
  for (const Prediction& each : top) {
    text += (text.empty() ? "" : "  ") + visible(each.piece);
  }
  return text;
}

std::string asked_text(const Model& model, const std::vector<std::int32_t>& right) {
  std::string text;
  for (const std::int32_t token : right) {
    text += (text.empty() ? "" : " or ") + visible(piece_of(model, token));
  }
  return text;
}

std::string table_at(const LensReport& report, std::size_t position) {
  const LensAnswer& answer = report.answers.front();
  Table table({{"at"}, {"rank"}, {"probability", 4}, {"logit"}, {"likeliest"}});
  for (std::size_t row = 0; row < report.rows.size(); ++row) {
    const LensReading& reading = answer.at(row, position);
    table.row({name_of(report.rows[row]),
               reading.rank,
               cell_of(reading.probability),
               reading.logit,
               top_text(reading.top)});
  }
  const auto& tokens = report.questions.front().prompt.tokens;
  const auto at = answer.positions[position];
  return fmt::format("behind token {} {}, the right one is {}\n{}",
                     at,
                     visible(piece_of(report.model, tokens[static_cast<std::size_t>(at)])),
                     asked_text(report.model, answer.asked[position]),
                     table.text());
}

double median_rank(std::vector<std::int64_t> ranks) {
  std::sort(ranks.begin(), ranks.end());
  const std::size_t half = ranks.size() / 2;
  return ranks.size() % 2 == 1 ? static_cast<double>(ranks[half])
                               : static_cast<double>(ranks[half - 1] + ranks[half]) / 2;
}

std::string table_of_prompts(const LensReport& report) {
  Table table({{"at"}, {"median rank", 1}, {"rank 1"}, {"mean probability", 4}, {"mean logit"}});
  const auto count = static_cast<double>(report.answers.size());
  for (std::size_t row = 0; row < report.rows.size(); ++row) {
    std::vector<std::int64_t> ranks;
    double first = 0;
    double probability = 0;
    double logit = 0;
    for (const LensAnswer& answer : report.answers) {
      const LensReading& reading = answer.at(row, answer.positions.size() - 1);
      ranks.push_back(reading.rank);
      first += reading.rank == 1 ? 1 / count : 0;
      probability += reading.probability / count;
      logit += reading.logit / count;
    }
    table.row({name_of(report.rows[row]), median_rank(ranks), first, cell_of(probability), logit});
  }
  return fmt::format(
      "{}, behind the last token\n{}", counted(report.answers.size(), "prompt"), table.text());
}

OrderedJson number_or_null(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson();
}

OrderedJson top_json(const LensReading& reading) {
  OrderedJson top = OrderedJson::array();
  const bool share = std::isnan(reading.probability);
  for (const Prediction& each : reading.top) {
    top.push_back({{"id", each.token},
                   {"token", visible(each.piece, Spaces::kept)},
                   {"logit", each.logit},
                   {"probability", share ? OrderedJson() : OrderedJson(each.probability)}});
  }
  return top;
}

// [row][position] of one number a reading.
template <typename Of>
OrderedJson grid(const LensAnswer& answer, std::size_t rows, const Of& of) {
  OrderedJson all = OrderedJson::array();
  for (std::size_t row = 0; row < rows; ++row) {
    OrderedJson line = OrderedJson::array();
    for (std::size_t at = 0; at < answer.positions.size(); ++at) {
      line.push_back(of(answer.at(row, at)));
    }
    all.push_back(std::move(line));
  }
  return all;
}

OrderedJson prompt_json(const LensReport& report, std::size_t index) {
  const LensAnswer& answer = report.answers[index];
  const Prompt& prompt = report.questions[index].prompt;
  const std::size_t rows = report.rows.size();
  OrderedJson pieces = OrderedJson::array();
  for (const std::int32_t token : prompt.tokens) {
    pieces.push_back(visible(piece_of(report.model, token), Spaces::kept));
  }
  return {{"id", visible(prompt.id, Spaces::kept)},
          {"tokens", prompt.tokens},
          {"pieces", std::move(pieces)},
          {"positions", answer.positions},
          {"asked", answer.asked},
          {"rank", grid(answer, rows, [](const LensReading& r) { return OrderedJson(r.rank); })},
          {"logit", grid(answer, rows, [](const LensReading& r) { return OrderedJson(r.logit); })},
          {"probability",
           grid(answer, rows, [](const LensReading& r) { return number_or_null(r.probability); })},
          {"top", grid(answer, rows, top_json)}};
}

OrderedJson rows_json(const std::vector<LensRow>& rows) {
  OrderedJson list = OrderedJson::array();
  for (const LensRow& row : rows) {
    list.push_back({{"part", row.layer < 0 ? "embed" : to_string(row.part)},
                    {"layer", row.layer < 0 ? OrderedJson() : OrderedJson(row.layer)},
                    {"head", row.head < 0 ? OrderedJson() : OrderedJson(row.head)}});
  }
  return list;
}

// RFC 4180: a text with a comma, a quote or a line's end stands in quotes.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

}  // namespace

std::string lens_text(const LensReport& report) {
  if (report.answers.size() > 1) {
    return table_of_prompts(report);
  }
  std::string text;
  for (std::size_t at = 0; at < report.answers.front().positions.size(); ++at) {
    text += (at == 0 ? "" : "\n") + table_at(report, at);
  }
  return text;
}

OrderedJson lens_json(const LensReport& report) {
  OrderedJson prompts = OrderedJson::array();
  for (std::size_t i = 0; i < report.answers.size(); ++i) {
    prompts.push_back(prompt_json(report, i));
  }
  OrderedJson provenance = OrderedJson::parse(report.provenance.dump());
  return {{"format", "headscope-lens"},
          {"version", 1},
          {"model", report.model.source().name},
          {"task", report.task.empty() ? OrderedJson() : OrderedJson(report.task)},
          {"tuned_lens", report.tuned.empty() ? OrderedJson() : OrderedJson(report.tuned)},
          {"rows", rows_json(report.rows)},
          {"prompts", std::move(prompts)},
          {"provenance", std::move(provenance)}};
}

std::string lens_csv(const LensReport& report) {
  std::string text = "prompt,position,part,layer,head,asked,rank,probability,logit,top\n";
  for (std::size_t i = 0; i < report.answers.size(); ++i) {
    const LensAnswer& answer = report.answers[i];
    for (std::size_t row = 0; row < report.rows.size(); ++row) {
      for (std::size_t at = 0; at < answer.positions.size(); ++at) {
        const LensRow& where = report.rows[row];
        const LensReading& reading = answer.at(row, at);
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{}\n",
            csv_cell(visible(report.questions[i].prompt.id, Spaces::kept)),
            answer.positions[at],
            where.layer < 0 ? "embed" : to_string(where.part),
            where.layer < 0 ? "" : std::to_string(where.layer),
            where.head < 0 ? "" : std::to_string(where.head),
            csv_cell(asked_text(report.model, answer.asked[at])),
            reading.rank,
            std::isnan(reading.probability) ? "" : fmt::format("{}", reading.probability),
            reading.logit,
            reading.top.empty() ? "" : csv_cell(visible(reading.top.front().piece)));
      }
    }
  }
  return text;
}

}  // namespace headscope
