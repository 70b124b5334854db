// A chat in a terminal: what was said, and which heads are changed while the model answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/intervention.h"
#include "lib/base/head_id.h"
#include "lib/base/json.h"
#include "lib/chat/chat_template.h"
#include "lib/generate/generate.h"

namespace headscope {

struct ChatOptions {
  SamplerOptions sampler{};
  StopRules stop{};
  std::string system{};  // the system message; empty: none
  KvKept keys = KvKept::by_plan;
  std::vector<Intervention> interventions{};  // from a file: in force from the first turn on
};

// Whether the chat goes on.
enum class ChatState { open, closed };

class ChatSession {
 public:
  // `say` gets what is to be shown, as soon as it is there. Model and template outlive it.
  ChatSession(const Model& model,
              const ChatTemplate& chat,
              ChatOptions options,
              std::function<void(std::string_view)> say);

  // A line of the user's: a message, which the model answers, or a command that begins with "/".
  // What is wrong with a command, a message or interventions that do not fit is said and changes
  // nothing.
  ChatState line(const std::string& typed);

  // What was said so far: [{"role": …, "content": …}].
  [[nodiscard]] const OrderedJson& messages() const { return messages_; }
  // What changes the model at the next turn, in order.
  [[nodiscard]] std::vector<Intervention> interventions() const;

 private:
  void answer(const std::string& message);
  void command(const std::vector<std::string>& words);
  void show_heads();
  void scale(const std::vector<std::string>& words);
  void save(const std::string& file);
  void report(const StandingChange& change);
  void reset();

  const Model& model_;
  const ChatTemplate& chat_;
  ChatOptions options_;
  std::function<void(std::string_view)> say_;
  OrderedJson messages_;
  std::map<HeadId, double> scaled_;  // z of these heads is multiplied
  bool off_ = false;
  std::uint64_t turns_ = 0;
  std::string document_;                          // of the changes of the last answer, …
  std::shared_ptr<const StandingChange> change_;  // … which go on while they stay the same
  std::shared_ptr<PrefixCache> prefixes_;
};

// The commands, a line each.
std::string chat_help();

}  // namespace headscope
