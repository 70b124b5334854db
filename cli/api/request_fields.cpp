#include "cli/api/request_fields.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "cli/api/body_fields.h"
#include "cli/api/intervention_field.h"

namespace headscope {
namespace {

constexpr std::size_t kMostIndices = 4096;  // heads, layers, positions of one request

void check_prompt_bytes(std::size_t bytes, const RequestContext& context) {
  if (static_cast<std::int64_t>(bytes) > context.limits.prompt_bytes) {
    throw HttpError(
        413,
        fmt::format(
            "a prompt of {} bytes is more than the {} allowed", bytes, context.limits.prompt_bytes),
        "prompt_too_long",
        "prompt");
  }
}

std::vector<std::int32_t> token_ids(const Json& list, const BodyFields& fields) {
  std::vector<std::int32_t> ids;
  for (const Json& each : list) {
    if (!each.is_number()) {
      fields.fail("prompt",
                  "one text or one list of token ids (send several requests for several)");
    }
    if (!each.is_number_unsigned() ||
        each.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
      fields.fail("prompt",
                  "a list of token ids: they are whole numbers from 0 on, not " + each.dump());
    }
    ids.push_back(each.get<std::int32_t>());
  }
  return ids;
}

// {"subject": [3, 5]}: tokens of the prompt as run, the second not among them.
std::map<std::string, Span> spans_field(BodyFields& fields) {
  const char* const wanted = "named token ranges: {\"subject\": [begin, end]}, end behind the last";
  std::map<std::string, Span> spans;
  const Json* json = fields.find("spans");
  if (json == nullptr) {
    return spans;
  }
  if (!json->is_object() || json->size() > kMostIndices) {
    fields.fail("spans", wanted);
  }
  for (const auto& [name, range] : json->items()) {
    const bool is_range = range.is_array() && range.size() == 2 && range[0].is_number_unsigned() &&
                          range[1].is_number_unsigned();
    if (!is_range || range[0].get<std::uint64_t>() >= range[1].get<std::uint64_t>() ||
        range[1].get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
      fields.fail("spans", wanted);
    }
    spans[name] = {range[0].get<std::int64_t>(), range[1].get<std::int64_t>()};
  }
  return spans;
}

PromptField prompt_field(BodyFields& fields, const RequestContext& context) {
  const Json* json = fields.find("prompt");
  if (json == nullptr) {
    fields.missing("prompt");
  }
  PromptField prompt;
  const bool is_list_of_one = json->is_array() && json->size() == 1 && (*json)[0].is_string();
  const Json& one = is_list_of_one ? (*json)[0] : *json;
  if (one.is_string()) {
    prompt.text = one.get<std::string>();
    check_prompt_bytes(prompt.text->size(), context);
  } else if (one.is_array() && !one.empty()) {
    prompt.tokens = token_ids(one, fields);
    check_prompt_bytes(prompt.tokens.size() * sizeof(std::int32_t), context);
  } else {
    fields.fail("prompt", "a text or a list of token ids");
  }
  prompt.spans = spans_field(fields);
  return prompt;
}

// A text, or a list of parts {"type": "text", "text": "…"}.
std::string content_text(const Json& content, const BodyFields& message) {
  if (content.is_string()) {
    return content.get<std::string>();
  }
  std::string text;
  if (!content.is_array()) {
    message.fail("content", "a text");
  }
  for (const Json& part : content) {
    if (!part.is_object() || part.value("type", Json()) != "text" || !part.contains("text") ||
        !part["text"].is_string()) {
      message.fail("content", "a text or a list of {\"type\": \"text\", \"text\": \"…\"}");
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

PromptField messages_field(BodyFields& fields, const RequestContext& context) {
  const Json* json = fields.find("messages");
  if (json == nullptr) {
    fields.missing("messages");
  }
  if (!json->is_array() || json->empty()) {
    fields.fail("messages", "a list of at least one message");
  }
  Json messages = *json;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < json->size(); ++i) {
    BodyFields message((*json)[i], fmt::format("message {}: ", i));
    const auto role = message.text("role");
    const Json* content = message.find("content");
    if (!role || content == nullptr) {
      message.missing(role ? "content" : "role");
    }
    static_cast<void>(message.text("name"));
    message.refuse_others();
    messages[i]["content"] = content_text(*content, message);
    bytes += messages[i]["content"].get_ref<const std::string&>().size();
  }
  check_prompt_bytes(bytes, context);
  return {.messages = std::move(messages), .spans = spans_field(fields)};
}

// Keys of the OpenAI API that change what is written and that we do not have. Those that change
// nothing are taken.
void refuse_unsupported(BodyFields& fields) {
  fields.refuse("n", "1", "only one text a request: send several, they run in one batch");
  fields.refuse("best_of", "1", "only one text a request");
  fields.refuse("echo", "false", "the prompt is not repeated");
  fields.refuse("suffix", "\"\"", "nothing can be put behind the text");
  fields.refuse("presence_penalty", "0", "use repetition_penalty");
  fields.refuse("frequency_penalty", "0", "use repetition_penalty");
  fields.refuse("logit_bias", "{}", "logits cannot be biased; use interventions");
  fields.refuse("tools", "[]", "tools are not called");
  fields.refuse("tool_choice", "\"none\"", "tools are not called");
  fields.refuse("functions", "[]", "functions are not called");
  fields.refuse("response_format", R"({"type": "text"})", "only text is written");
  fields.refuse("modalities", R"(["text"])", "only text is written");
  for (const char* const without_effect :
       {"user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier"}) {
    static_cast<void>(fields.find(without_effect));
  }
}

void read_sampling(BodyFields& fields, TextJob& job, const RequestContext& context) {
  job.temperature = fields.number("temperature", {0, 100}).value_or(1.0);
  job.top_p = fields.number("top_p", {0, 1}).value_or(1.0);
  if (job.top_p == 0) {
    fields.fail("top_p", "a number above 0, up to 1");
  }
  job.min_p = fields.number("min_p", {0, 1}).value_or(0.0);
  job.repetition_penalty = fields.number("repetition_penalty", {0.01, 100}).value_or(1.0);
  job.top_k = fields.integer("top_k", {0, 1 << 24}).value_or(0);
  job.seed = static_cast<std::uint64_t>(
      fields.integer("seed", {0, std::numeric_limits<std::int64_t>::max()})
          .value_or(static_cast<std::int64_t>(context.seed)));
  job.stops = fields.texts("stop", context.limits.stops);
  if (std::find(job.stops.begin(), job.stops.end(), "") != job.stops.end()) {
    fields.fail("stop", "texts of at least one character");
  }
}

void read_delivery(BodyFields& fields, TextCall& call) {
  call.model = fields.text("model").value_or("");
  call.delivery = fields.flag("stream").value_or(false) ? TextCall::Delivery::stream
                                                        : TextCall::Delivery::whole;
  if (const Json* options = fields.find("stream_options")) {
    BodyFields inner(*options, "stream_options: ");
    call.usage_at_end = inner.flag("include_usage").value_or(false);
    static_cast<void>(inner.flag("include_obfuscation"));
    inner.refuse_others();
  }
}

NumberCoding coding_field(BodyFields& fields) {
  const std::string coding = fields.text("encoding").value_or("json");
  if (coding == "json") {
    return NumberCoding::json;
  }
  if (coding == "base64_f32") {
    return NumberCoding::base64_f32;
  }
  if (coding == "base64_f16") {
    return NumberCoding::base64_f16;
  }
  fields.fail("encoding", "\"json\", \"base64_f32\" or \"base64_f16\"");
}

std::vector<std::string> hooks_field(BodyFields& fields, const RequestContext& context) {
  const std::vector<std::string> hooks = fields.texts("hooks", context.limits.hooks);
  if (hooks.empty()) {
    fields.fail("hooks", "a list of hook points, for example [\"blocks.*.attn.hook_z\"]");
  }
  return hooks;
}

void read_places(BodyFields& fields, ValuesJob& job) {
  job.heads = fields.integers("heads", kMostIndices);
  job.positions = fields.integers("positions", kMostIndices);
  job.coding = coding_field(fields);
}

// "return": what is told beside the text.
void read_return(BodyFields& fields, TextCall& call, const RequestContext& context) {
  bool hooks = false;
  for (const std::string& what : fields.texts("return", 8)) {
    if (what == "baseline") {
      call.baseline = true;
    } else if (what == "logprobs") {
      call.logprobs = true;
    } else if (what == "hooks") {
      hooks = true;
    } else {
      fields.fail("return", "a list of \"baseline\", \"logprobs\" and \"hooks\"");
    }
  }
  if (hooks) {
    ValuesJob values;
    values.hooks = hooks_field(fields, context);
    read_places(fields, values);
    call.job.hooks = std::move(values);
  }
  for (const char* const of_hooks : {"hooks", "heads", "positions", "encoding"}) {
    if (!hooks && fields.find(of_hooks) != nullptr) {
      fields.useless(of_hooks,
                     "it chooses what \"return\": [\"hooks\"] tells, which is not asked for");
    }
  }
  if (call.baseline && call.job.interventions.is_null()) {
    fields.useless("return",
                   "\"baseline\" is the text without interventions, and there are none here");
  }
}

void read_call(BodyFields& fields, TextCall& call, const RequestContext& context) {
  refuse_unsupported(fields);
  read_sampling(fields, call.job, context);
  read_delivery(fields, call);
  call.job.interventions = intervention_field(fields, context);
  read_return(fields, call, context);
  fields.refuse_others();
}

}  // namespace

TextCall completion_call(const Json& body, const RequestContext& context) {
  BodyFields fields(body);
  TextCall call{.job = {.prompt = prompt_field(fields, context)}};
  call.job.most_tokens = fields.integer("max_tokens", {1, context.limits.tokens}).value_or(16);
  if (const auto logprobs = fields.integer("logprobs", {0, 20})) {
    call.logprobs = true;
    call.job.top_logprobs = *logprobs;
  }
  read_call(fields, call, context);
  return call;
}

TextCall chat_call(const Json& body, const RequestContext& context) {
  BodyFields fields(body);
  TextCall call{.job = {.prompt = messages_field(fields, context)}, .form = TextCall::Form::chat};
  const auto new_name = fields.integer("max_completion_tokens", {1, context.limits.tokens});
  const auto old_name = fields.integer("max_tokens", {1, context.limits.tokens});
  call.job.most_tokens =
      new_name.value_or(old_name.value_or(std::min<std::int64_t>(512, context.limits.tokens)));
  call.logprobs = fields.flag("logprobs").value_or(false);
  call.job.top_logprobs = fields.integer("top_logprobs", {0, 20}).value_or(0);
  if (call.job.top_logprobs > 0 && !call.logprobs) {
    fields.useless("top_logprobs", "they are told with \"logprobs\": true");
  }
  read_call(fields, call, context);
  return call;
}

ValuesJob values_job(const Json& body, const RequestContext& context) {
  BodyFields fields(body);
  ValuesJob job{.prompt = prompt_field(fields, context)};
  job.interventions = intervention_field(fields, context);
  job.hooks = hooks_field(fields, context);
  read_places(fields, job);
  static_cast<void>(fields.find("model"));
  fields.refuse_others();
  return job;
}

AttentionJob attention_job(const Json& body, const RequestContext& context) {
  BodyFields fields(body);
  AttentionJob job{.prompt = prompt_field(fields, context)};
  job.interventions = intervention_field(fields, context);
  job.layers = fields.integers("layers", kMostIndices);
  job.heads = fields.integers("heads", kMostIndices);
  job.positions = fields.integers("positions", kMostIndices);
  const std::string show = fields.text("show").value_or("maps");
  if (show != "maps" && show != "statistics") {
    fields.fail("show", "\"maps\" or \"statistics\"");
  }
  job.show = show == "maps" ? AttentionJob::Show::maps : AttentionJob::Show::statistics;
  job.coding = coding_field(fields);
  static_cast<void>(fields.find("model"));
  fields.refuse_others();
  return job;
}

}  // namespace headscope
