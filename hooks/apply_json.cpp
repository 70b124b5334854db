#include "hooks/apply_json.h"

#include <limits>

#include "lib/base/error_context.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr const char* kPositionForms =
    "\"all\", a position, {\"from\": 0, \"to\": 5}, {\"span\": \"subject\"}, {\"text\": \" "
    "Paris\"}, "
    "{\"tokens\": [5, \" a\"]} or a list of them";

IndexRange range_from(InterventionFields& fields) {
  IndexRange range{.from = fields.integer("from").value_or(0), .to = fields.integer("to")};
  const bool same_side = range.to && (range.from < 0) == (*range.to < 0);
  if (same_side && *range.to <= range.from) {
    throw DataError("{}: from {} to {} holds nothing; \"to\" is the first one behind it",
                    fields.where(),
                    range.from,
                    *range.to);
  }
  return range;
}

void add_tokens(const Json& json, InterventionFields& fields, TokenSet& set) {
  const std::string wanted = "a list of token ids and texts, for example [5, \" a\"]";
  if (!json.is_array() || json.empty()) {
    fields.fail("tokens", wanted);
  }
  for (const Json& token : json) {
    if (token.is_string() && !token.get<std::string>().empty()) {
      set.token_texts.push_back(token);
    } else if (is_position(token) && token.get<std::int64_t>() >= 0 &&
               token.get<std::int64_t>() <= std::numeric_limits<std::int32_t>::max()) {
      set.tokens.push_back(token);
    } else {
      fields.fail("tokens", wanted);
    }
  }
}

void add_object(const Json& json, const std::string& where, TokenSet& set) {
  InterventionFields fields(json, where);
  const auto span = fields.text("span");
  const auto text = fields.text("text");
  const Json* tokens = fields.find("tokens");
  const Json* from = fields.find("from");
  const Json* to = fields.find("to");
  const bool range = from != nullptr || to != nullptr;
  fields.refuse_others();
  if (int{span.has_value()} + int{text.has_value()} + int{tokens != nullptr} + int{range} != 1) {
    throw DataError("{}: give one of \"from\" and \"to\", \"span\", \"text\" or \"tokens\"", where);
  }
  if (span) {
    set.spans.push_back(*span);
  } else if (text) {
    set.texts.push_back(*text);
  } else if (tokens != nullptr) {
    add_tokens(*tokens, fields, set);
  } else {
    set.ranges.push_back(range_from(fields));
  }
}

// Unset: all.
std::optional<TokenSet> token_set_from(InterventionFields& fields, const std::string& key) {
  const Json* json = fields.find(key);
  if (json == nullptr || *json == "all") {
    return std::nullopt;
  }
  TokenSet set;
  const auto add = [&](const Json& one) {
    if (is_position(one)) {
      set.positions.push_back(one);
    } else if (one.is_object()) {
      add_object(one, fields.where() + ", " + key, set);
    } else {
      fields.fail(key, kPositionForms);
    }
  };
  if (!json->is_array()) {
    add(*json);
    return set;
  }
  if (json->empty()) {
    fields.fail(key, kPositionForms);
  }
  for (const Json& one : *json) {
    add(one);
  }
  return set;
}

Phase phase_from(InterventionFields& fields, Phase otherwise) {
  const auto text = fields.text("phase");
  if (text && *text != "both" && *text != "prefill" && *text != "decode") {
    fields.fail(
        "phase",
        "\"prefill\" (tokens of the prompt), \"decode\" (those the model writes) or \"both\"" +
            did_you_mean(*text, {"prefill", "decode", "both"}));
  }
  return !text               ? otherwise
         : *text == "both"   ? Phase::both
         : *text == "decode" ? Phase::decode
                             : Phase::prefill;
}

std::optional<IndexRange> steps_from(InterventionFields& fields) {
  const Json* json = fields.find("steps");
  if (json == nullptr) {
    return std::nullopt;
  }
  InterventionFields own(*json, fields.where() + ", steps");
  const IndexRange steps = range_from(own);
  own.refuse_others();
  if (steps.from < 0 || (steps.to && *steps.to < 0)) {
    throw DataError("{}: steps are counted from 0, the first token that is written", own.where());
  }
  return steps;
}

OrderedJson range_json(const IndexRange& range) {
  OrderedJson out{{"from", range.from}};
  if (range.to) {
    out["to"] = *range.to;
  }
  return out;
}

OrderedJson set_json(const TokenSet& set) {
  OrderedJson list = OrderedJson::array();
  for (const std::int64_t position : set.positions) {
    list.push_back(position);
  }
  for (const IndexRange& range : set.ranges) {
    list.push_back(range_json(range));
  }
  for (const std::string& span : set.spans) {
    list.push_back(OrderedJson{{"span", span}});
  }
  for (const std::string& text : set.texts) {
    list.push_back(OrderedJson{{"text", text}});
  }
  if (!set.tokens.empty() || !set.token_texts.empty()) {
    OrderedJson tokens = set.tokens;
    for (const std::string& text : set.token_texts) {
      tokens.push_back(text);
    }
    list.push_back(OrderedJson{{"tokens", tokens}});
  }
  return list;
}

double needed(InterventionFields& fields, const char* key) {
  const auto number = fields.number(key);
  if (!number) {
    throw DataError("{}: needs \"{}\"", fields.where(), key);
  }
  return *number;
}

StrengthSchedule linear_from(InterventionFields& fields) {
  const auto steps = fields.integer("steps");
  if (!steps || *steps < 1) {
    fields.fail("steps", "the number of steps in which \"from\" becomes \"to\", at least 1");
  }
  return {.kind = StrengthSchedule::Kind::linear,
          .from = needed(fields, "from"),
          .to = needed(fields, "to"),
          .steps = *steps};
}

StrengthSchedule decay_from(InterventionFields& fields) {
  StrengthSchedule schedule{.kind = StrengthSchedule::Kind::decay,
                            .from = needed(fields, "from"),
                            .rate = needed(fields, "rate")};
  if (schedule.rate < 0 || schedule.rate > 1) {
    fields.fail("rate", "what is left of the strength after each step, from 0 to 1");
  }
  return schedule;
}

}  // namespace

TokenChoice token_choice_from(InterventionFields& outer, const std::string& key) {
  const Json* json = outer.find(key);
  if (json == nullptr) {
    return {};
  }
  InterventionFields fields(*json, outer.where() + ", " + key);
  TokenChoice choice;
  choice.positions = token_set_from(fields, "positions");
  const Json* except = fields.find("except");
  if (except != nullptr && *except == "all") {
    throw DataError("{}: \"except\" \"all\" leaves nothing", fields.where());
  }
  choice.except = token_set_from(fields, "except");
  choice.steps = steps_from(fields);
  choice.phase = phase_from(fields, choice.steps ? Phase::decode : Phase::both);
  fields.refuse_others();
  if (choice.steps && choice.phase == Phase::prefill) {
    throw DataError("{}: \"steps\" are of decoding; a prefill has none", fields.where());
  }
  return choice;
}

OrderedJson to_json(const TokenChoice& choice) {
  OrderedJson out = OrderedJson::object();
  if (choice.phase != Phase::both || choice.steps) {
    out["phase"] = choice.phase == Phase::both      ? "both"
                   : choice.phase == Phase::prefill ? "prefill"
                                                    : "decode";
  }
  if (choice.positions) {
    out["positions"] = set_json(*choice.positions);
  }
  if (choice.except) {
    out["except"] = set_json(*choice.except);
  }
  if (choice.steps) {
    out["steps"] = range_json(*choice.steps);
  }
  return out;
}

std::optional<HeadCondition> condition_from(InterventionFields& outer) {
  const Json* json = outer.find("when");
  if (json == nullptr) {
    return std::nullopt;
  }
  InterventionFields fields(*json, outer.where() + ", when");
  HeadCondition condition;
  const std::string statistic = fields.text("statistic").value_or("");
  condition.statistic =
      with_context(fields.where(), [&] { return parse_head_statistic(statistic); });
  condition.above = fields.number("above");
  condition.below = fields.number("below");
  fields.refuse_others();
  if (!condition.above && !condition.below) {
    throw DataError("{}: needs \"above\", \"below\" or both", fields.where());
  }
  return condition;
}

OrderedJson to_json(const HeadCondition& condition) {
  OrderedJson out{{"statistic", to_string(condition.statistic)}};
  if (condition.above) {
    out["above"] = *condition.above;
  }
  if (condition.below) {
    out["below"] = *condition.below;
  }
  return out;
}

std::optional<Strength> strength_from(InterventionFields& outer) {
  const Json* json = outer.find("strength");
  if (json == nullptr) {
    return std::nullopt;
  }
  if (json->is_number()) {
    return Strength{.number = *outer.number("strength")};
  }
  InterventionFields fields(*json, outer.where() + ", strength");
  const std::string schedule = fields.text("schedule").value_or("");
  Strength strength;
  if (schedule == "constant") {
    strength.number = needed(fields, "value");
  } else if (schedule == "linear") {
    strength.schedule = linear_from(fields);
  } else if (schedule == "decay") {
    strength.schedule = decay_from(fields);
  } else {
    fields.fail(
        "schedule",
        "\"constant\" (with \"value\"), \"linear\" (\"from\", \"to\", \"steps\") or \"decay\" "
        "(\"from\", \"rate\")" +
            did_you_mean(schedule, {"constant", "linear", "decay"}));
  }
  fields.refuse_others();
  return strength;
}

OrderedJson to_json(const StrengthSchedule& schedule) {
  if (schedule.kind == StrengthSchedule::Kind::decay) {
    return {{"schedule", "decay"}, {"from", schedule.from}, {"rate", schedule.rate}};
  }
  return {{"schedule", "linear"},
          {"from", schedule.from},
          {"to", schedule.to},
          {"steps", schedule.steps}};
}

}  // namespace headscope
