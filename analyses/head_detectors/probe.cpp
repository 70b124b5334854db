#include "analyses/head_detectors/probe.h"

#include <algorithm>
#include <cctype>

#include "analyses/head_detectors/detector.h"
#include "analyses/head_detectors/texts.h"
#include "analyses/task/task.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr int kRepeatedPrompts = 10;          // a seed; TransformerLens's demonstration has as many
constexpr int kTextPrompts = 8;               // a seed and domain
constexpr int kTaskPrompts = 24;              // a seed
constexpr std::int64_t kSparedTokens = 1000;  // the first ids: special tokens and single bytes

void check_context(const Probe& probe, std::int64_t tokens, const Model& model) {
  if (tokens > model.config().n_ctx) {
    throw UndefinedForModel("its prompts ({}) have {} tokens, the model's context is {}",
                            to_string(probe),
                            tokens,
                            model.config().n_ctx);
  }
}

void check_tokenizer(const Model& model) {
  if (!model.has_tokenizer()) {
    throw UndefinedForModel("no tokenizer beside the weights");
  }
}

TokenId first_token(const Model& model) {
  if (model.has_tokenizer()) {
    if (const auto bos = model.tokenizer().bos()) {
      return *bos;
    }
  }
  return 0;
}

TokenId random_token(Random& random, const Model& model) {
  const std::int64_t vocab = model.config().d_vocab;
  const std::int64_t from = std::min<std::int64_t>(kSparedTokens, vocab / 8);
  return static_cast<TokenId>(
      from + static_cast<std::int64_t>(random.below(static_cast<std::size_t>(vocab - from))));
}

// No first token of its own: what is asked is what the place alone does.
std::vector<ProbePrompt> random_prompts(const Probe& probe,
                                        const Model& model,
                                        std::uint64_t seed) {
  Random random(seed, to_string(probe));
  std::vector<ProbePrompt> prompts(kTextPrompts);
  for (ProbePrompt& prompt : prompts) {
    prompt.tokens.assign(kTextTokens, random_token(random, model));
    for (TokenId& token : prompt.tokens) {
      token = probe.kind == Probe::identical ? token : random_token(random, model);
    }
  }
  return prompts;
}

std::vector<ProbePrompt> repeated_prompts(const Model& model, std::uint64_t seed) {
  Random random(seed, "repeated");
  std::vector<ProbePrompt> prompts(kRepeatedPrompts);
  for (ProbePrompt& prompt : prompts) {
    std::vector<TokenId> period(kPeriod);
    for (TokenId& token : period) {
      token = random_token(random, model);
    }
    prompt.tokens.push_back(first_token(model));
    for (std::int64_t r = 0; r < kRepeats; ++r) {
      prompt.tokens.insert(prompt.tokens.end(), period.begin(), period.end());
    }
  }
  return prompts;
}

// Nothing but punctuation, line ends and blanks.
bool is_delimiter(const std::string& piece) {
  return !piece.empty() && std::all_of(piece.begin(), piece.end(), [](unsigned char c) {
    return std::ispunct(c) || std::isspace(c);
  }) && std::any_of(piece.begin(), piece.end(), [](unsigned char c) { return c != ' '; });
}

// The first token is no delimiter here: it is a sink by its place.
void mark_delimiters(ProbePrompt& prompt, const Tokenizer& tokenizer) {
  prompt.columns["delimiter"];  // a text may have none
  for (std::size_t i = 1; i < prompt.tokens.size(); ++i) {
    if (is_delimiter(tokenizer.piece(prompt.tokens[i]))) {
      prompt.columns["delimiter"].push_back(static_cast<std::int64_t>(i));
    }
  }
}

std::vector<ProbePrompt> text_prompts(const Model& model,
                                      std::uint64_t seed,
                                      std::int64_t length,
                                      int count) {
  std::vector<ProbePrompt> prompts;
  check_tokenizer(model);
  const Tokenizer& tokenizer = model.tokenizer();
  for (const DomainText& text : domain_texts()) {
    Random random(seed, text.domain);
    const std::vector<TokenId> all = tokenizer.encode(std::string(text.text), PrependBos::no);
    const std::int64_t own = length - (tokenizer.prepends_bos() ? 1 : 0);
    if (static_cast<std::int64_t>(all.size()) < own) {
      throw UndefinedForModel(
          "the text \"{}\" is {} tokens, {} are needed", text.domain, all.size(), own);
    }
    for (int n = 0; n < count; ++n) {
      const std::size_t begin = random.below(all.size() - static_cast<std::size_t>(own) + 1);
      ProbePrompt prompt;
      prompt.group = text.domain;
      if (tokenizer.prepends_bos()) {
        prompt.tokens.push_back(*tokenizer.bos());
      }
      const auto at = all.begin() + static_cast<std::ptrdiff_t>(begin);
      prompt.tokens.insert(prompt.tokens.end(), at, at + own);
      mark_delimiters(prompt, tokenizer);
      prompts.push_back(std::move(prompt));
    }
  }
  return prompts;
}

std::vector<ProbePrompt> prompts_of(const Task& task) {
  std::vector<ProbePrompt> prompts;
  for (const TaskItem& item : task.items) {
    ProbePrompt prompt{item.clean, {}, item.template_name, item.answers};
    for (const auto& [name, range] : item.clean.spans) {
      for (std::int64_t column = range.begin; column < range.end; ++column) {
        prompt.columns[name].push_back(column);
      }
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace

std::string to_string(const Probe& probe) {
  switch (probe.kind) {
    case Probe::repeated:
      return "repeated random tokens";
    case Probe::text:
      return "text";
    case Probe::random:
      return "random tokens";
    case Probe::identical:
      return "one token again and again";
    case Probe::document:
      return "documents";
    case Probe::task:
      return "task " + probe.of;
    case Probe::file:
      return probe.of;
  }
  return {};
}

Task built_in_task(const Model& model, const std::string& name, const MakeOptions& options) {
  check_tokenizer(model);
  Task task;
  try {
    task = make_task(name, model.tokenizer(), options);
  } catch (const DataError& error) {
    throw UndefinedForModel(error.what());
  }
  for (const TaskItem& item : task.items) {
    check_context({Probe::task, name}, item.length(), model);
  }
  return task;
}

Batch probe_batch(const std::vector<ProbePrompt>& prompts) {
  std::vector<std::vector<std::int32_t>> tokens;
  for (const ProbePrompt& prompt : prompts) {
    tokens.push_back(prompt.tokens);
  }
  return Batch(tokens);
}

std::vector<ProbePrompt> make_probe(const Probe& probe, const Model& model, std::uint64_t seed) {
  const ModelConfig& config = model.config();
  switch (probe.kind) {
    case Probe::repeated:
      check_context(probe, 1 + kPeriod * kRepeats, model);
      return repeated_prompts(model, seed);
    case Probe::random:
    case Probe::identical:
      check_context(probe, kTextTokens, model);
      return random_prompts(probe, model, seed);
    case Probe::text:
      check_context(probe, kTextTokens, model);
      return text_prompts(model, seed, kTextTokens, kTextPrompts);
    case Probe::document:
      check_context(probe, kDocumentTokens, model);
      return text_prompts(model, seed, kDocumentTokens, 1);
    case Probe::task:
      return prompts_of(built_in_task(
          model, probe.of, {.n = kTaskPrompts, .seed = seed, .corruption = {}, .templates = {}}));
    case Probe::file:
      break;
  }
  const Tokenizer* tokenizer = model.has_tokenizer() ? &model.tokenizer() : nullptr;
  return prompts_of(read_task(probe.of, tokenizer, config.n_ctx, config.d_vocab, {}));
}

}  // namespace headscope
