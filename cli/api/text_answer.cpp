#include "cli/api/text_answer.h"

#include <fmt/format.h>

#include "lib/text/unicode.h"

namespace headscope {
namespace {

OrderedJson head_json(const AnswerHead& head, const std::string& kind) {
  return {{"id", head.id}, {"object", kind}, {"created", head.created}, {"model", head.model}};
}

std::string whole_kind(const AnswerHead& head) {
  return head.form == TextCall::Form::chat ? "chat.completion" : "text_completion";
}

std::string piece_kind(const AnswerHead& head) {
  return head.form == TextCall::Form::chat ? "chat.completion.chunk" : "text_completion";
}

OrderedJson usage(const TextEnd& end) {
  return {{"prompt_tokens", end.prompt_tokens},
          {"completion_tokens", end.written_tokens},
          {"total_tokens", end.prompt_tokens + end.written_tokens}};
}

OrderedJson scored(const JobToken::Scored& token) {
  OrderedJson bytes = OrderedJson::array();
  for (const char byte : token.piece) {
    bytes.push_back(static_cast<unsigned char>(byte));
  }
  return {{"token", replace_invalid_utf8(token.piece)},
          {"logprob", token.logprob},
          {"bytes", std::move(bytes)}};
}

OrderedJson chat_logprobs(const std::vector<JobToken>& tokens) {
  OrderedJson content = OrderedJson::array();
  for (const JobToken& token : tokens) {
    OrderedJson one = scored(token.scored);
    one["top_logprobs"] = OrderedJson::array();
    for (const JobToken::Scored& other : token.top) {
      one["top_logprobs"].push_back(scored(other));
    }
    content.push_back(std::move(one));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

// Unlike others though it is no whole character: "bytes:\xe2\x80", as the OpenAI API spells it.
std::string spelled(const std::string& piece) {
  if (valid_utf8_prefix(piece) == piece.size()) {
    return piece;
  }
  std::string text = "bytes:";
  for (const char byte : piece) {
    text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

OrderedJson completion_logprobs(const std::vector<JobToken>& tokens) {
  OrderedJson json{{"tokens", OrderedJson::array()},
                   {"token_logprobs", OrderedJson::array()},
                   {"top_logprobs", OrderedJson::array()},
                   {"text_offset", OrderedJson::array()}};
  std::size_t offset = 0;
  for (const JobToken& token : tokens) {
    json["tokens"].push_back(spelled(token.scored.piece));
    json["token_logprobs"].push_back(token.scored.logprob);
    OrderedJson top = OrderedJson::object();
    for (const JobToken::Scored& other : token.top) {
      top[spelled(other.piece)] = other.logprob;
    }
    json["top_logprobs"].push_back(std::move(top));
    json["text_offset"].push_back(offset);
    offset += token.scored.piece.size();
  }
  return json;
}

OrderedJson logprobs(const AnswerHead& head, const std::vector<JobToken>& tokens) {
  if (!head.logprobs) {
    return nullptr;
  }
  return head.form == TextCall::Form::chat ? chat_logprobs(tokens) : completion_logprobs(tokens);
}

OrderedJson whole_choice(const AnswerHead& head, const TextState& text) {
  OrderedJson choice{{"index", 0}};
  if (head.form == TextCall::Form::chat) {
    choice["message"] = {{"role", "assistant"}, {"content", text.text}};
  } else {
    choice["text"] = text.text;
  }
  choice["logprobs"] = logprobs(head, text.tokens);
  choice["finish_reason"] = text.end.reason;
  return choice;
}

void add_findings(OrderedJson& json, const TextEnd& end) {
  if (!end.interventions.is_null()) {
    json["interventions"] = end.interventions;
  }
  if (!end.hooks.is_null()) {
    json["hooks"] = end.hooks;
  }
}

OrderedJson piece_choice(const AnswerHead& head, const std::string& text) {
  OrderedJson choice{{"index", 0}};
  if (head.form == TextCall::Form::chat) {
    choice["delta"] = OrderedJson::object();
    if (!text.empty()) {
      choice["delta"]["content"] = text;
    }
  } else {
    choice["text"] = text;
  }
  choice["logprobs"] = nullptr;
  choice["finish_reason"] = nullptr;
  return choice;
}

OrderedJson piece(const AnswerHead& head, PieceOf of, OrderedJson choice) {
  OrderedJson json = head_json(head, piece_kind(head));
  json["choices"] = OrderedJson::array();
  if (of == PieceOf::text) {
    json["choices"].push_back(std::move(choice));
  } else {
    json["baseline"] = std::move(choice);
  }
  return json;
}

}  // namespace

OrderedJson whole_answer(const AnswerHead& head, const TextState& text, const TextState* baseline) {
  OrderedJson json = head_json(head, whole_kind(head));
  json["choices"] = OrderedJson::array({whole_choice(head, text)});
  json["usage"] = usage(text.end);
  add_findings(json, text.end);
  if (baseline != nullptr) {
    json["baseline"] = whole_choice(head, *baseline);
    add_findings(json["baseline"], baseline->end);
  }
  return json;
}

OrderedJson opening_piece(const AnswerHead& head) {
  OrderedJson choice = piece_choice(head, "");
  choice["delta"] = {{"role", "assistant"}, {"content", ""}};
  return piece(head, PieceOf::text, std::move(choice));
}

OrderedJson token_piece(const AnswerHead& head, PieceOf of, const JobToken& token) {
  OrderedJson choice = piece_choice(head, token.text);
  choice["logprobs"] = logprobs(head, {token});
  return piece(head, of, std::move(choice));
}

OrderedJson end_piece(const AnswerHead& head, PieceOf of, const TextEnd& end) {
  OrderedJson choice = piece_choice(head, end.text);
  choice["finish_reason"] = end.reason;
  if (of == PieceOf::baseline) {
    add_findings(choice, end);
  }
  OrderedJson json = piece(head, of, std::move(choice));
  if (of == PieceOf::text) {
    add_findings(json, end);
  }
  return json;
}

OrderedJson usage_piece(const AnswerHead& head, const TextEnd& end) {
  OrderedJson json = head_json(head, piece_kind(head));
  json["choices"] = OrderedJson::array();
  json["usage"] = usage(end);
  return json;
}

std::string event(const OrderedJson& json) {
  return "data: " + line(json) + "\n\n";
}

std::string line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace headscope
