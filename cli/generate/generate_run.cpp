#include "cli/generate/generate_run.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "cli/interrupt.h"
#include "lib/generate/rotary_growth.h"

namespace headscope {
namespace {

// A text to write: which sample of which prompt, under the change or not.
struct TextToWrite {
  std::size_t prompt = 0;
  std::size_t sample = 0;
  bool changed = true;
};

std::vector<TextToWrite> texts_to_write(std::size_t prompts, const GenerateOptions& options) {
  std::vector<TextToWrite> all;
  for (std::size_t prompt = 0; prompt < prompts; ++prompt) {
    for (std::size_t sample = 0; sample < static_cast<std::size_t>(options.samples); ++sample) {
      if (options.unchanged == GenerateOptions::Unchanged::beside) {
        all.push_back({prompt, sample, false});
      }
      all.push_back({prompt, sample, true});
    }
  }
  return all;
}

// Samples of a prompt draw from streams of their own; with and without a change from the same.
TextRequest request_of(const TextToWrite& text,
                       const Prompt& prompt,
                       const GenerateOptions& options) {
  return {.prompt = prompt.tokens,
          .spans = prompt.spans,
          .sampler = options.sampler,
          .stop = options.stop,
          .change = text.changed ? options.change : nullptr,
          .number = static_cast<std::int64_t>(text.prompt),
          .sample = text.sample,
          .top_logprobs = options.top_logprobs};
}

class GenerateRun {
 public:
  GenerateRun(const Model& model,
              const std::vector<Prompt>& prompts,
              const GenerateOptions& options)
      : prompts_(prompts),
        options_(options),
        generation_(model,
                    {.prefixes = std::make_shared<PrefixCache>(std::int64_t{1} << 28),
                     .keys = options.keys}),
        texts_(texts_to_write(prompts.size(), options)) {
    result_.prompts.resize(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      GeneratedPrompt& own = result_.prompts[i];
      own.prompt = prompts[i];
      own.texts.resize(static_cast<std::size_t>(options.samples));
      if (options.unchanged == GenerateOptions::Unchanged::beside) {
        own.unchanged.emplace(static_cast<std::size_t>(options.samples));
      }
    }
  }

  GenerateResult run() {
    const auto begin = std::chrono::steady_clock::now();
    while (!interrupted() && (next_ < texts_.size() || !generation_.running().empty())) {
      join_more();
      stream();
      generation_.step();
      stream();
      take_ended();
    }
    for (const auto& [number, text] : open_) {  // interrupted
      keep(text, generation_.text(number));
    }
    result_.kept = generation_.most_kept();
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(result_);
  }

 private:
  void join_more() {
    while (next_ < texts_.size() &&
           static_cast<std::int64_t>(generation_.running().size()) < options_.batch &&
           !interrupted()) {
      const TextToWrite& text = texts_[next_++];
      open_[generation_.join(request_of(text, prompts_[text.prompt], options_))] = text;
    }
  }

  void stream() {
    if (options_.stream && texts_.size() == 1 && !open_.empty()) {
      const std::string& text = generation_.text(open_.begin()->first).text;
      if (text.size() > streamed_) {
        options_.stream(std::string_view(text).substr(streamed_));
        streamed_ = text.size();
      }
    }
  }

  void take_ended() {
    for (auto it = open_.begin(); it != open_.end();) {
      const GeneratedText& text = generation_.text(it->first);
      if (text.ended == Ended::no) {
        ++it;
        continue;
      }
      keep(it->second, text);
      generation_.forget(it->first);
      it = open_.erase(it);
    }
  }

  void keep(const TextToWrite& which, const GeneratedText& text) {
    GeneratedPrompt& own = result_.prompts[which.prompt];
    (which.changed ? own.texts : *own.unchanged)[which.sample] = text;
    result_.tokens += static_cast<std::int64_t>(text.tokens.size());
  }

  const std::vector<Prompt>& prompts_;
  const GenerateOptions& options_;
  Generation generation_;
  std::vector<TextToWrite> texts_;
  std::size_t next_ = 0;
  std::map<std::size_t, TextToWrite> open_;  // by their number in the generation
  std::size_t streamed_ = 0;
  GenerateResult result_;
};

}  // namespace

GenerateResult generate(const Model& model,
                        const std::vector<Prompt>& prompts,
                        const GenerateOptions& options) {
  for (const Prompt& prompt : prompts) {  // all of them before the first is written on
    const std::int64_t held = std::ssize(prompt.tokens);
    check_rotary_growth(model, held, held + options.stop.max_new - 1);
  }
  return GenerateRun(model, prompts, options).run();
}

}  // namespace headscope
