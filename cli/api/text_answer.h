// Answers of /v1/completions and /v1/chat/completions as JSON.
// https://platform.openai.com/docs/api-reference/chat/object
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/api/request_fields.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// One text as it is being written.
struct TextState {
  std::string text{};
  std::vector<JobToken> tokens{};
  TextEnd end{};
};

// What all pieces of an answer share.
struct AnswerHead {
  std::string id;            // "chatcmpl-…"
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
  TextCall::Form form = TextCall::Form::completion;
  bool logprobs = false;
};

// "choices" has the text, "baseline" the one without interventions (null: none was asked for),
// "interventions" how often each edit fired.
OrderedJson whole_answer(const AnswerHead& head, const TextState& text, const TextState* baseline);

// A piece of a stream: what a token, or the end of the text, added. `of` says of which text.
enum class PieceOf { text, baseline };
OrderedJson opening_piece(const AnswerHead& head);  // of a chat: whose turn it is
OrderedJson token_piece(const AnswerHead& head, PieceOf of, const JobToken& token);
OrderedJson end_piece(const AnswerHead& head, PieceOf of, const TextEnd& end);
OrderedJson usage_piece(const AnswerHead& head, const TextEnd& end);

// A server-sent event. https://html.spec.whatwg.org/multipage/server-sent-events.html
std::string event(const OrderedJson& json);
// JSON on one line; bytes that are not UTF-8 become U+FFFD.
std::string line(const OrderedJson& json);

}  // namespace headscope
