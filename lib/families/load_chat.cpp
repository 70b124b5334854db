#include "lib/families/load_chat.h"

#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"
#include "lib/weights/gguf.h"

namespace headscope {

ChatTemplate load_chat_template(const std::string& name) {
  const std::filesystem::path path = find_model(name);
  const auto chat = is_folder(path)
                        ? ChatTemplate::from_directory(path)
                        : ChatTemplate::from_gguf(GgufFile(path).metadata(), path.string());
  if (!chat) {
    throw DataError(
        "{}: the model has no chat template (chat_template.jinja, \"chat_template\" in "
        "tokenizer_config.json, or "
        "tokenizer.chat_template in a GGUF file); is it a chat model?",
        path.string());
  }
  return *chat;
}

}  // namespace headscope
