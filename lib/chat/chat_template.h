// From the messages of a chat to the prompt a model was trained on, by the chat template in the
// model's files, as transformers' apply_chat_template() does. Free of Torch.
//
//   const ChatTemplate chat = load_chat_template(name);            // lib/families/load_chat.h
//   const std::string prompt = chat.render(messages, {.add_generation_prompt = true});
//   const std::vector<TokenId> ids = encode_chat(tokenizer, prompt);
//   const std::vector<TokenId> ends = end_of_turn_tokens(tokenizer, &chat);
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json.h"
#include "lib/chat/limits.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// What a template is given beside the messages.
struct ChatRender {
  // Whether the text ends with the opening of the assistant's next turn.
  bool add_generation_prompt = false;
  // A list of tools the model may call (JSON Schema, as in the OpenAI API), or null.
  OrderedJson tools = nullptr;
  // A list of documents to answer from, or null.
  OrderedJson documents = nullptr;
  // Further variables by name, such as {"enable_thinking": false}; before "bos_token" and the like.
  OrderedJson extra = OrderedJson::object();
  // Which of several named templates; "": "tool_use" where tools are given and there is one, else
  // "default".
  std::string name{};
  // What strftime_now() tells, as local time; by default the time of the call.
  std::optional<std::chrono::system_clock::time_point> now{};
};

class ChatTemplate {
 public:
  using Texts = std::map<std::string, std::string>;

  // `templates`: Jinja sources by name ("default" if there is one alone). `tokens`: "bos_token",
  // "eos_token", … and their texts. `where` opens every error. Throws DataError naming the line for
  // a source that is malformed or uses what headscope's Jinja does not know.
  ChatTemplate(const Texts& templates, Texts tokens, std::string where, ChatLimits limits = {});

  // The template of a Hugging Face directory: chat_template.jinja and
  // additional_chat_templates/*.jinja before "chat_template" of tokenizer_config.json, as
  // transformers reads them. Nothing if there is none. Throws DataError for malformed files.
  static std::optional<ChatTemplate> from_directory(const std::filesystem::path& directory);

  // The template in a GGUF file's metadata, or nothing. `where` names the file in errors.
  static std::optional<ChatTemplate> from_gguf(const Json& metadata, const std::string& where);

  // The prompt for `messages`, a list of objects of "role", "content" and what else the template
  // reads ("tool_calls", "name", …). Fields that are null are left out of each message, and a
  // message's reasoning is found under "reasoning_content" and "thinking" alike, as in
  // transformers.
  //
  // Throws UsageError if `messages` is no list of objects, or empty, or there is no template of
  // that name; DataError, with the template's line, where the template refuses the messages
  // (raise_exception), does what Jinja has no answer for, or exceeds the limits.
  [[nodiscard]] std::string render(const OrderedJson& messages,
                                   const ChatRender& options = {}) const;

  // The names of the templates, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  // The Jinja source that `options` choose; UsageError as render().
  [[nodiscard]] const std::string& source(const ChatRender& options = {}) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// The messages of a file or a request: a JSON list of objects that have a string "role", in the
// order written. Throws DataError, opened by `where`, for anything else.
OrderedJson parse_messages(std::string_view text, const std::string& where);
OrderedJson read_messages(const std::filesystem::path& path);

// Whether a prompt of these messages should end with the opening of the assistant's next turn:
// unless the last message is the assistant's own.
bool awaits_answer(const OrderedJson& messages);

// The ids of a rendered prompt. The template wrote every special token itself: they are recognised,
// and neither a second BOS nor an EOS is added.
std::vector<TokenId> encode_chat(const Tokenizer& tokenizer, std::string_view rendered);

// Every token that ends the assistant's turn: those the model's files name (Tokenizer::ends()) and
// the one that the template puts behind an assistant's text. `chat` may be null.
std::vector<TokenId> end_of_turn_tokens(const Tokenizer& tokenizer, const ChatTemplate* chat);

}  // namespace headscope
