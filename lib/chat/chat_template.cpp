#include "lib/chat/chat_template.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/chat/template.h"

namespace headscope {

struct ChatTemplate::Impl {
  struct Named {
    std::string source;
    std::optional<jinja::Template> program;
    std::string error;  // why there is no program
  };
  std::map<std::string, Named> templates;
  Texts tokens;
  std::string where;
};

namespace {

constexpr const char* kReasoningFields[] = {"reasoning_content", "thinking", "reasoning"};

// The first of the names under which a message may tell its reasoning, for all who read another.
void alias_reasoning(OrderedJson& message) {
  for (const char* name : kReasoningFields) {
    if (const auto found = message.find(name); found != message.end()) {
      const OrderedJson reasoning = *found;
      OrderedJson aliased = {{"thinking", reasoning}};
      aliased.update(message);
      aliased["reasoning_content"] = reasoning;
      message = std::move(aliased);
      return;
    }
  }
}

// As transformers' apply_chat_template() hands them to the template.
OrderedJson normalized_messages(const OrderedJson& messages, const std::string& where) {
  if (!messages.is_array() || messages.empty()) {
    throw UsageError("{}: a chat is a list of at least one message", where);
  }
  OrderedJson normalized = OrderedJson::array();
  for (const OrderedJson& message : messages) {
    if (!message.is_object()) {
      throw UsageError("{}: message {} is no object", where, normalized.size() + 1);
    }
    OrderedJson kept = OrderedJson::object();
    for (const auto& [key, value] : message.items()) {
      if (!value.is_null()) {
        kept[key] = value;
      }
    }
    alias_reasoning(kept);
    normalized.push_back(std::move(kept));
  }
  return normalized;
}

void check_list(const OrderedJson& value, const char* name, const std::string& where) {
  const bool objects =
      value.is_array() && std::all_of(value.begin(), value.end(), [](const OrderedJson& entry) {
        return entry.is_object();
      });
  if (!value.is_null() && !objects) {
    throw UsageError("{}: \"{}\" must be a list of objects", where, name);
  }
}

OrderedJson template_variables(const ChatTemplate::Texts& tokens,
                               const OrderedJson& messages,
                               const ChatRender& options,
                               const std::string& where) {
  check_list(options.tools, "tools", where);
  check_list(options.documents, "documents", where);
  OrderedJson variables = OrderedJson::object();
  for (const auto& [name, text] : tokens) {
    variables[name] = text;
  }
  if (!options.extra.is_object()) {
    throw UsageError("{}: further variables of a template are an object", where);
  }
  for (const auto& [name, value] : options.extra.items()) {
    if (name == "messages" || name == "tools" || name == "documents" ||
        name == "add_generation_prompt") {
      throw UsageError("{}: \"{}\" is no further variable of a template; it has a place of its own",
                       where,
                       name);
    }
    variables[name] = value;
  }
  variables["messages"] = normalized_messages(messages, where);
  variables["tools"] = options.tools;
  variables["documents"] = options.documents;
  variables["add_generation_prompt"] = options.add_generation_prompt;
  return variables;
}

template <typename Templates>
std::string chosen_name(const Templates& templates,
                        const ChatRender& options,
                        const std::string& where) {
  std::vector<std::string> names;
  for (const auto& [name, ignored] : templates) {
    names.push_back(name);
  }
  const auto has = [&](const char* name) { return templates.contains(name); };
  if (options.name.empty() && !options.tools.is_null() && has("tool_use")) {
    return "tool_use";
  }
  const std::string name = options.name.empty() ? "default" : options.name;
  if (!has(name.c_str())) {
    throw UsageError(
        "{}: no chat template '{}'; there are {}", where, name, fmt::join(names, ", "));
  }
  return name;
}

}  // namespace

ChatTemplate::ChatTemplate(const Texts& templates,
                           Texts tokens,
                           std::string where,
                           ChatLimits limits) {
  auto impl = std::make_shared<Impl>();
  impl->tokens = std::move(tokens);
  impl->where = std::move(where);
  for (const auto& [name, source] : templates) {
    Impl::Named named{.source = source, .program = {}, .error = {}};
    const std::string place = templates.size() == 1 ? impl->where : impl->where + " (" + name + ")";
    try {
      named.program.emplace(source, place, limits);
    } catch (const DataError& error) {
      if (templates.size() == 1 || name == "default") {
        throw;
      }
      named.error = error.what();  // whoever asks for this one hears of it
    }
    impl->templates.emplace(name, std::move(named));
  }
  impl_ = std::move(impl);
}

std::string ChatTemplate::render(const OrderedJson& messages, const ChatRender& options) const {
  const Impl::Named& named =
      impl_->templates.at(chosen_name(impl_->templates, options, impl_->where));
  if (!named.program) {
    throw DataError("{}", named.error);
  }
  const OrderedJson variables = template_variables(impl_->tokens, messages, options, impl_->where);
  return named.program->render(variables, options.now.value_or(std::chrono::system_clock::now()));
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> names;
  for (const auto& [name, ignored] : impl_->templates) {
    names.push_back(name);
  }
  return names;
}

const std::string& ChatTemplate::source(const ChatRender& options) const {
  return impl_->templates.at(chosen_name(impl_->templates, options, impl_->where)).source;
}

OrderedJson parse_messages(std::string_view text, const std::string& where) {
  OrderedJson messages = parse_ordered_json(text, where);
  if (!messages.is_array() || messages.empty()) {
    throw DataError("{}: a JSON list of at least one message is expected", where);
  }
  std::size_t number = 0;
  for (const OrderedJson& message : messages) {
    ++number;
    const auto role = message.is_object() ? message.find("role") : message.end();
    if (!message.is_object() || role == message.end() || !role->is_string()) {
      throw DataError("{}: message {} must be an object with a string \"role\"", where, number);
    }
  }
  return messages;
}

bool awaits_answer(const OrderedJson& messages) {
  return messages.back().value("role", "") != "assistant";
}

}  // namespace headscope
