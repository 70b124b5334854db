#include "cli/generate/chat_session.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "cli/generate/sampling_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

std::vector<std::string> split_at_blanks(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

double number_in(const std::string& word) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    throw UsageError("{}: not a number", word);
  }
  return value;
}

// "9.6": layer 9, head 6.
HeadId head_in(const std::string& word, const ModelConfig& config) {
  HeadId head;
  const char* const end = word.data() + word.size();
  const auto layer = std::from_chars(word.data(), end, head.layer);
  const bool dot = layer.ec == std::errc() && layer.ptr != end && *layer.ptr == '.';
  const auto number = dot ? std::from_chars(layer.ptr + 1, end, head.head) : layer;
  if (!dot || number.ec != std::errc() || number.ptr != end) {
    throw UsageError("{}: a head is LAYER.HEAD, for example 9.6", word);
  }
  if (head.layer < 0 || head.layer >= config.n_layers || head.head < 0 ||
      head.head >= config.n_heads) {
    throw UsageError("{}: the model has layers 0 to {} and heads 0 to {}",
                     word,
                     config.n_layers - 1,
                     config.n_heads - 1);
  }
  return head;
}

Intervention scaled_head(HeadId head, double factor) {
  Intervention what{.site = fmt::format("blocks.{}.attn.hook_z", head.layer)};
  what.where.heads = {{head.head}};
  what.op = factor == 0.0 ? Op::zero : Op::scale;
  what.factor = factor == 0.0 ? 1.0 : factor;
  return what;
}

void expect_words(const std::vector<std::string>& words, std::size_t count, std::string_view form) {
  if (words.size() != count) {
    throw UsageError("write {}", form);
  }
}

}  // namespace

std::string chat_help() {
  return "/heads               what is changed\n"
         "/scale LAYER.HEAD F  multiply z of a head by F from the next answer on; 0 switches it "
         "off\n"
         "/off, /on            answer without any change; with them again\n"
         "/clear               take all changes away\n"
         "/save FILE           write the changes as interventions (--intervene reads them)\n"
         "/reset               forget what was said\n"
         "/help                these lines\n"
         "/quit                end\n";
}

ChatSession::ChatSession(const Model& model,
                         const ChatTemplate& chat,
                         ChatOptions options,
                         std::function<void(std::string_view)> say)
    : model_(model),
      chat_(chat),
      options_(std::move(options)),
      say_(std::move(say)),
      prefixes_(std::make_shared<PrefixCache>(std::int64_t{1} << 28)) {
  end_with_turn(options_.stop, model.tokenizer(), chat);
  reset();
}

void ChatSession::reset() {
  messages_ = OrderedJson::array();
  if (!options_.system.empty()) {
    messages_.push_back({{"role", "system"}, {"content", options_.system}});
  }
}

std::vector<Intervention> ChatSession::interventions() const {
  std::vector<Intervention> all;
  if (off_) {
    return all;
  }
  all = options_.interventions;
  for (const auto& [head, factor] : scaled_) {
    all.push_back(scaled_head(head, factor));
  }
  return all;
}

ChatState ChatSession::line(const std::string& typed) {
  const std::vector<std::string> words = split_at_blanks(typed);
  if (words.empty()) {
    return ChatState::open;
  }
  if (words.front() == "/quit") {
    return ChatState::closed;
  }
  try {
    if (typed.starts_with("/")) {
      command(words);
    } else {
      answer(typed);
    }
  } catch (const Error& error) {  // nothing was changed
    say_(fmt::format("{}\n", error.what()));
  }
  return ChatState::open;
}

void ChatSession::command(const std::vector<std::string>& words) {
  const std::string& name = words.front();
  if (name == "/scale") {
    scale(words);
    return;
  }
  if (name == "/save") {
    expect_words(words, 2, "/save FILE");
    save(words[1]);
    return;
  }
  expect_words(words, 1, name + " alone");
  if (name == "/heads") {
    show_heads();
  } else if (name == "/off" || name == "/on") {
    off_ = name == "/off";
    say_(off_ ? "answers are of the model as it is\n" : "answers are of the changed model\n");
  } else if (name == "/clear") {
    options_.interventions.clear();
    scaled_.clear();
    say_("no changes\n");
  } else if (name == "/reset") {
    reset();
    say_("what was said is forgotten\n");
  } else if (name == "/help") {
    say_(chat_help());
  } else {
    throw UsageError("{}: no such command; /help lists them", name);
  }
}

void ChatSession::scale(const std::vector<std::string>& words) {
  expect_words(words, 3, "/scale LAYER.HEAD FACTOR, for example /scale 9.6 0");
  const HeadId head = head_in(words[1], model_.config());
  const double factor = number_in(words[2]);
  if (!std::isfinite(factor)) {
    throw UsageError("{}: a factor is a finite number", words[2]);
  }
  auto scaled = scaled_;
  if (factor == 1.0) {
    scaled.erase(head);
  } else {
    scaled[head] = factor;
  }
  std::swap(scaled, scaled_);
  off_ = false;
  try {
    (void)standing_interventions(model_, interventions());  // or says what does not fit
  } catch (...) {
    std::swap(scaled, scaled_);
    throw;
  }
  show_heads();
}

void ChatSession::show_heads() {
  const std::vector<Intervention> all = interventions();
  if (all.empty()) {
    say_(off_ ? "changes are off\n" : "no changes\n");
    return;
  }
  const OrderedJson document = to_json(all);
  for (const auto& one : document["interventions"]) {
    say_(fmt::format("  {}\n", one.dump()));
  }
}

void ChatSession::save(const std::string& file) {
  const std::vector<Intervention> all = interventions();
  if (all.empty()) {
    throw UsageError("there are no changes to save");
  }
  check_output_file(file);
  if (path_exists(file)) {
    throw UsageError("{}: exists already; give a new name", file);
  }
  write_file(file, to_json(all).dump(2) + "\n");
  say_(fmt::format("{}: {}\n", file, counted(all.size(), "intervention")));
}

void ChatSession::report(const StandingChange& change) {
  for (const StandingChange::Fired& part : change.fired()) {
    say_(part.values == 0
             ? fmt::format("  [{} has changed NOTHING so far]\n", part.part)
             : fmt::format("  [{} fired {} times so far]\n", part.part, grouped(part.values)));
  }
}

void ChatSession::answer(const std::string& message) {
  OrderedJson messages = messages_;
  messages.push_back({{"role", "user"}, {"content", message}});
  const std::string prompt = chat_.render(messages, {.add_generation_prompt = true});
  const std::vector<Intervention> changes = interventions();
  const std::string document = changes.empty() ? "" : to_json(changes).dump();
  if (document != document_) {
    document_ = document;
    change_ = changes.empty() ? nullptr : standing_interventions(model_, changes);
  }
  const auto change = change_;
  Generation generation(model_, {.prefixes = prefixes_, .keys = options_.keys});
  const std::size_t text = generation.join({.prompt = encode_chat(model_.tokenizer(), prompt),
                                            .sampler = options_.sampler,
                                            .stop = options_.stop,
                                            .change = change,
                                            .sample = turns_++});
  std::size_t said = 0;
  do {
    const std::string& written = generation.text(text).text;
    say_(std::string_view(written).substr(said));
    said = written.size();
  } while (!interrupted() && generation.step());
  say_(std::string_view(generation.text(text).text).substr(said));
  say_("\n");
  if (generation.text(text).ended != Ended::id) {
    say_(fmt::format("  [{}]\n", to_string(generation.text(text).ended)));
  }
  if (change) {
    report(*change);
  }
  messages.push_back({{"role", "assistant"}, {"content", generation.text(text).text}});
  messages_ = std::move(messages);
}

}  // namespace headscope
