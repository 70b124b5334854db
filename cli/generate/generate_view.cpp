#include "cli/generate/generate_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/generate/sampling_options.h"
#include "cli/render/visible.h"
#include "lib/base/json.h"
#include "lib/generate/predictions.h"

namespace headscope {
namespace {

// Lengths of the longest common subsequences of what lies behind two places.
std::vector<std::vector<std::int32_t>> common_behind(const std::vector<WrittenToken>& a,
                                                     const std::vector<WrittenToken>& b) {
  std::vector<std::vector<std::int32_t>> length(a.size() + 1,
                                                std::vector<std::int32_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      length[i][j] = a[i].token == b[j].token ? length[i + 1][j + 1] + 1
                                              : std::max(length[i + 1][j], length[i][j + 1]);
    }
  }
  return length;
}

OrderedJson token_cell(const std::vector<WrittenToken>& tokens,
                       std::int64_t at,
                       const Model& model) {
  return at < 0 ? OrderedJson()
                : OrderedJson(visible(piece_of(model, tokens[static_cast<std::size_t>(at)].token)));
}

OrderedJson logprob_cell(const std::vector<WrittenToken>& tokens, std::int64_t at) {
  return at < 0 ? OrderedJson() : cell_of(tokens[static_cast<std::size_t>(at)].logprob);
}

std::string shown_text(const GeneratedText& text, const Model& model) {
  if (model.has_tokenizer()) {
    return text.text;
  }
  std::string ids;
  for (const WrittenToken& written : text.tokens) {
    ids += fmt::format("{}{}", ids.empty() ? "" : " ", written.token);
  }
  return ids;
}

double sum_of_logprobs(const GeneratedText& text) {
  double sum = 0.0;
  for (const WrittenToken& written : text.tokens) {
    sum += written.logprob;
  }
  return sum;
}

std::string ending(const GeneratedText& text) {
  return fmt::format("[{} token{}, {}, log-probability {}]",
                     text.tokens.size(),
                     text.tokens.size() == 1 ? "" : "s",
                     to_string(text.ended),
                     format_number(sum_of_logprobs(text)));
}

OrderedJson json_of(const WrittenToken& written, const Model& model) {
  OrderedJson json{{"token", written.token},
                   {"piece", visible(piece_of(model, written.token))},
                   {"logprob", cell_of(written.logprob)}};
  for (const WrittenToken::Alternative& other : written.top) {
    json["top"].push_back({{"token", other.token},
                           {"piece", visible(piece_of(model, other.token))},
                           {"logprob", cell_of(other.logprob)}});
  }
  return json;
}

OrderedJson json_of(const GeneratedText& text, const Model& model) {
  OrderedJson tokens = OrderedJson::array();
  for (const WrittenToken& written : text.tokens) {
    tokens.push_back(json_of(written, model));
  }
  OrderedJson json{{"ended", std::string(to_string(text.ended))},
                   {"logprob", cell_of(sum_of_logprobs(text))},
                   {"tokens", tokens}};
  if (model.has_tokenizer()) {
    json["text"] = text.text;
  }
  return json;
}

OrderedJson json_of(const std::vector<GeneratedText>& texts, const Model& model) {
  OrderedJson json = OrderedJson::array();
  for (const GeneratedText& text : texts) {
    json.push_back(json_of(text, model));
  }
  return json;
}

std::string compared(const GeneratedText& unchanged,
                     const GeneratedText& changed,
                     const Model& model) {
  return fmt::format("unchanged  {}\n{}\n\nchanged    {}\n{}\n\n{}",
                     ending(unchanged),
                     shown_text(unchanged, model),
                     ending(changed),
                     shown_text(changed, model),
                     comparison_table(unchanged, changed, model).text());
}

}  // namespace

std::vector<AlignedTokens> aligned(const std::vector<WrittenToken>& unchanged,
                                   const std::vector<WrittenToken>& changed) {
  const auto length = common_behind(unchanged, changed);
  std::vector<AlignedTokens> rows;
  std::size_t i = 0;
  std::size_t j = 0;
  const auto gap = [&](std::size_t to_i, std::size_t to_j) {
    while (i < to_i || j < to_j) {
      rows.push_back({i < to_i ? static_cast<std::int64_t>(i++) : -1,
                      j < to_j ? static_cast<std::int64_t>(j++) : -1});
    }
  };
  std::size_t next_i = 0;
  std::size_t next_j = 0;
  while (next_i < unchanged.size() && next_j < changed.size()) {
    if (unchanged[next_i].token == changed[next_j].token) {
      gap(next_i, next_j);
      rows.push_back({static_cast<std::int64_t>(i++), static_cast<std::int64_t>(j++)});
      ++next_i;
      ++next_j;
    } else if (length[next_i + 1][next_j] >= length[next_i][next_j + 1]) {
      ++next_i;
    } else {
      ++next_j;
    }
  }
  gap(unchanged.size(), changed.size());
  return rows;
}

std::string marked_text(const GeneratedText& unchanged,
                        const GeneratedText& changed,
                        const Model& model) {
  std::string text;
  std::string run;  // of tokens that are all the same, or all others
  bool marked = false;
  const auto end_run = [&] {
    const std::string shown = run.empty() ? "" : visible(run, Spaces::kept);
    text += marked ? "[" + shown + "]" : shown;
    run.clear();
  };
  for (const AlignedTokens& row : aligned(unchanged.tokens, changed.tokens)) {
    if (row.changed < 0) {
      continue;
    }
    const std::int32_t token = changed.tokens[static_cast<std::size_t>(row.changed)].token;
    const bool other = row.unchanged < 0 ||
                       unchanged.tokens[static_cast<std::size_t>(row.unchanged)].token != token;
    if (other != marked) {
      end_run();
      marked = other;
    }
    run += piece_of(model, token);
  }
  end_run();
  return text;
}

Table comparison_table(const GeneratedText& unchanged,
                       const GeneratedText& changed,
                       const Model& model) {
  Table table({{"step"},
               {"unchanged"},
               {"logprob", 3, "unchanged_logprob"},
               {"changed"},
               {"logprob", 3, "changed_logprob"},
               {"", 0, "differs"}});
  std::int64_t step = 0;
  for (const AlignedTokens& row : aligned(unchanged.tokens, changed.tokens)) {
    const bool same = row.unchanged >= 0 && row.changed >= 0 &&
                      unchanged.tokens[static_cast<std::size_t>(row.unchanged)].token ==
                          changed.tokens[static_cast<std::size_t>(row.changed)].token;
    table.row({step++,
               token_cell(unchanged.tokens, row.unchanged, model),
               logprob_cell(unchanged.tokens, row.unchanged),
               token_cell(changed.tokens, row.changed, model),
               logprob_cell(changed.tokens, row.changed),
               same ? "" : "≠"});
  }
  return table;
}

std::string to_text(const std::vector<GeneratedPrompt>& prompts, const Model& model) {
  std::string all;
  for (const GeneratedPrompt& prompt : prompts) {
    for (std::size_t i = 0; i < prompt.texts.size(); ++i) {
      all += all.empty() ? "" : "\n";
      if (prompts.size() > 1 || prompt.texts.size() > 1) {
        all += fmt::format("prompt {}{}: {}\n",
                           prompt.prompt.id,
                           prompt.texts.size() > 1 ? fmt::format(", sample {}", i) : "",
                           visible(prompt.prompt.text, Spaces::kept));
      }
      all += prompt.unchanged ? compared((*prompt.unchanged)[i], prompt.texts[i], model)
                              : shown_text(prompt.texts[i], model) + "\n";
    }
  }
  return all;
}

OrderedJson to_json(const std::vector<GeneratedPrompt>& prompts, const Model& model) {
  OrderedJson json = OrderedJson::array();
  for (const GeneratedPrompt& prompt : prompts) {
    OrderedJson one{{"id", prompt.prompt.id},
                    {"prompt", prompt.prompt.text},
                    {"tokens", prompt.prompt.tokens},
                    {"texts", json_of(prompt.texts, model)}};
    if (prompt.unchanged) {
      one["unchanged"] = json_of(*prompt.unchanged, model);
    }
    json.push_back(std::move(one));
  }
  return json;
}

}  // namespace headscope
