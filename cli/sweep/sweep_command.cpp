#include "cli/sweep/sweep_command.h"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>

#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/shell.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

using CommandWords = std::vector<std::string>;

// Options that make no sense for one entry of a list, and what does.
const std::map<std::string, std::string> kShared{
    {"model", "all entries share the model of the file"},
    {"output", "an entry writes OUTPUT/NAME.h5; set \"name\""},
    {"resume", "what is done is never done again"},
    {"overwrite", "delete the entry's file to run it again"},
    {"shard", "run that sweep by its verb, and headscope merge"},
    {"trace", "it takes a trace of each run; run that sweep by its verb"},
    {"repeats", "it times a sweep in memory; run that sweep by its verb"},
    {"exact", "its comparison is shown, not kept; run that sweep by its verb"},
    {"per-prompt", "every prompt's value is in the entry's file"},
    {"top", "headscope inspect lists a file's cells"},
    {"memory", "it is an option of headscope sweep"},
    {"device", "it is an option of headscope sweep"},
    {"dtype", "it is an option of headscope sweep"},
    {"threads", "it is an option of headscope sweep"},
    {"seed", "it is an option of headscope sweep"},
    {"json", "it is an option of headscope sweep"}};

// Runs `work`; its errors, of whatever kind, begin with `where`.
template <typename Work>
void with_location(const std::string& where, const Work& work) {
  const auto message = [&](const Error& error) { return where + ": " + error.what(); };
  try {
    work();
  } catch (const UsageError& error) {
    throw UsageError(message(error));
  } catch (const DataError& error) {
    throw DataError(message(error));
  } catch (const ResourceError& error) {
    throw ResourceError(message(error));
  } catch (const InternalError& error) {
    throw InternalError(message(error));
  }
}

std::string known_options(const CLI::App& app, const std::string& key) {
  CommandWords known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (!kShared.contains(name)) {
        known.push_back(name);
      }
    }
  }
  return did_you_mean(key, known);
}

std::string word_of(const OrderedJson& value, const std::string& key) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number()) {
    return value.dump();
  }
  if (!value.is_array() || value.empty()) {
    throw UsageError("{}: {} is no value of an option; give text, a number or a list of them",
                     key,
                     value.dump());
  }
  std::string list;  // as it is typed
  for (const OrderedJson& part : value) {
    if (part.is_array()) {
      throw UsageError("{}: a list inside a list is no value of an option", key);
    }
    list += (list.empty() ? "" : ",") + word_of(part, key);
  }
  return list;
}

// {"site": "z", "plain": true} → --site z --plain
void add_words(CommandWords& words,
               const CLI::App& app,
               const std::string& key,
               const OrderedJson& value) {
  if (const auto shared = kShared.find(key); shared != kShared.end()) {
    throw UsageError("{}: cannot be set here: {}", key, shared->second);
  }
  const CLI::Option* option = key.empty() ? nullptr : app.get_option_no_throw("--" + key);
  if (option == nullptr) {
    throw UsageError("{}: no such option{} (a key is a long option of the verb without its dashes)",
                     key,
                     known_options(app, key));
  }
  const bool is_flag = option->get_items_expected_max() == 0;
  if (is_flag != value.is_boolean()) {
    throw UsageError("{}: {}", key, is_flag ? "is a flag: true or false" : "needs a value");
  }
  if (!is_flag) {
    words.insert(words.end(), {"--" + key, word_of(value, key)});
  } else if (value.get<bool>()) {
    words.push_back("--" + key);
  }
}

std::string line_of(const std::string& verb, const CommandWords& words) {
  std::string line = "headscope " + verb;
  for (const std::string& word : words) {
    line += " " + shell_quoted(word);
  }
  return line;
}

Verb verb_named(const std::string& name) {
  for (const Verb& verb : all_verbs()) {
    if (verb.name == name) {
      return verb;
    }
  }
  throw InternalError("no verb {}", name);
}

}  // namespace

SweepCommand::SweepCommand(const SweepList& list,
                           const SweepEntry& entry,
                           const Invocation& invocation,
                           const Options& options)
    : entry_(entry),
      file_(list.file_of(entry)),
      invocation_(invocation),
      app_(std::make_unique<CLI::App>()) {
  app_->set_help_flag();  // no word of an entry
  run_ = verb_named(entry.verb).bind(*app_, invocation_);
  with_location(entry.where(), [&] {
    CommandWords words{list.model};
    for (const auto& [key, value] : entry.options.items()) {
      add_words(words, *app_, key, value);
    }
    words.insert(words.end(), {"--output", file_.string(), "--resume"});
    if (!options.memory.empty()) {
      words.insert(words.end(), {"--memory", options.memory});
    }
    parse(words);
    // What made the file: the command typed and, as a shell's comment, the one it stands for.
    invocation_.command_line += "  # " + entry.name + ": " + line_of(entry.verb, words);
  });
}

SweepCommand::~SweepCommand() = default;

void SweepCommand::parse(const CommandWords& words) {
  CommandWords backwards(words.rbegin(), words.rend());  // as CLI11 wants them
  try {
    app_->parse(backwards);
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    throw UsageError("{} (headscope {} --help shows what there is)", text, entry_.verb);
  }
}

void SweepCommand::run_stage(SweepSession& session, SweepSession::Stage stage) {
  session.stage = stage;
  invocation_.session = &session;
  with_location(entry_.where(), run_);
}

void SweepCommand::check(SweepSession& session) {
  run_stage(session, SweepSession::Stage::check);
}

SweepOutcome SweepCommand::run(SweepSession& session) {
  run_stage(session, SweepSession::Stage::run);
  return std::move(session.outcome);
}

}  // namespace headscope
