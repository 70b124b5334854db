// A rendered prompt's ids, and the tokens that end a turn.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/chat/chat_template.h"
#include "lib/chat/python_text.h"

namespace headscope {
namespace {

constexpr const char* kAnswerMark = "headscope marks the answer";

// What the template puts behind an assistant's text at the end of a chat, or nothing if it has no
// such chats.
std::string behind_answer(const ChatTemplate& chat) {
  const OrderedJson messages = {{{"role", "user"}, {"content", "Hello"}},
                                {{"role", "assistant"}, {"content", kAnswerMark}}};
  std::string text;
  try {
    text = chat.render(messages);
  } catch (const DataError&) {
    return "";  // whoever renders a chat hears why
  }
  const std::size_t found = text.rfind(kAnswerMark);
  return found == text.npos ? "" : text.substr(found + std::string_view(kAnswerMark).size());
}

}  // namespace

std::vector<TokenId> encode_chat(const Tokenizer& tokenizer, std::string_view rendered) {
  std::vector<TokenId> ids = tokenizer.encode(rendered, PrependBos::no);
  ids.resize(ids.size() - tokenizer.appended().size());
  return ids;
}

std::vector<TokenId> end_of_turn_tokens(const Tokenizer& tokenizer, const ChatTemplate* chat) {
  std::vector<TokenId> ends = tokenizer.ends();
  if (chat == nullptr) {
    return ends;
  }
  for (const TokenId id : encode_chat(tokenizer, behind_answer(*chat))) {
    if (jinja::all_space(tokenizer.piece(id))) {
      continue;
    }
    if (tokenizer.is_added(id) && std::find(ends.begin(), ends.end(), id) == ends.end()) {
      ends.push_back(id);
    }
    break;
  }
  return ends;
}

}  // namespace headscope
