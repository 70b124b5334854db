#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "analyses/task/in_context.h"
#include "analyses/task/maker.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr int kDrawsAnItem = 1000;

std::vector<std::string> names_of(const std::vector<TaskMaker::Named>& list) {
  std::vector<std::string> names;
  for (const auto& entry : list) {
    names.emplace_back(entry.name);
  }
  return names;
}

std::string checked_corruption(const TaskMaker& maker, const std::string& asked) {
  const auto known = names_of(maker.corruptions);
  if (asked.empty()) {
    return known.front();
  }
  if (std::find(known.begin(), known.end(), asked) == known.end()) {
    throw UsageError("{}: no corruption '{}'{}; there are {}",
                     maker.name,
                     asked,
                     did_you_mean(asked, known),
                     fmt::join(known, ", "));
  }
  return asked;
}

WordFile words_for(const TaskMaker& maker, const std::filesystem::path& templates) {
  WordFile words(maker.name, maker.words);
  if (!templates.empty()) {
    const Json file = read_json(templates);
    words.replace(maker.published == nullptr ? file : maker.published(file, templates), templates);
  }
  return words;
}

// Draws until an item fits and is new.
class Drawing {
 public:
  Drawing(const TaskMaker& maker, const Tokenizer& tokenizer, const MakeOptions& options)
      : maker_(maker),
        tokenizer_(tokenizer),
        bos_(options.bos),
        random_(options.seed, maker.name),
        words_(words_for(maker, options.templates)),
        draw_(
            maker.open({words_, checked_corruption(maker, options.corruption), &tokenizer, bos_})),
        spans_(names_of(maker.spans)) {}

  TaskItem next() {
    std::string why;
    for (int draws = 0; draws < kDrawsAnItem; ++draws) {
      try {
        TaskItem item = fit(draw_(random_, turn_++), spans_, tokenizer_, bos_);
        if (seen_.insert({item.clean.tokens, item.corrupted.tokens}).second) {
          return item;
        }
      } catch (const UnfitItem& unfit) {
        why = unfit.what();
        ++unfit_;
      }
    }
    give_up(why);
  }

  [[nodiscard]] std::size_t unfit() const { return unfit_; }

 private:
  [[noreturn]] void give_up(const std::string& why) const {
    if (!seen_.empty()) {
      throw DataError(
          "{}: {} different items were found, then none in {} draws{}; ask for fewer, or "
          "give more words with --templates",
          maker_.name,
          seen_.size(),
          kDrawsAnItem,
          why.empty() ? "" : " (" + why + ")");
    }
    if (const std::string appended = why_nothing_follows(tokenizer_); !appended.empty()) {
      throw DataError("{}: {}", maker_.name, appended);
    }
    throw DataError(
        "{}: none of {} draws fits this tokenizer ({}): {}; give other words with "
        "--templates",
        maker_.name,
        kDrawsAnItem,
        tokenizer_.kind(),
        why);
  }

  const TaskMaker& maker_;
  const Tokenizer& tokenizer_;
  PrependBos bos_;
  Random random_;
  WordFile words_;
  DrawDraft draw_;
  std::vector<std::string> spans_;
  std::set<std::pair<std::vector<TokenId>, std::vector<TokenId>>> seen_;
  std::size_t turn_ = 0;
  std::size_t unfit_ = 0;
};

}  // namespace

Task make_task(const std::string& name, const Tokenizer& tokenizer, const MakeOptions& options) {
  if (options.n < 1) {
    throw UsageError("a task has at least one item, not {}", options.n);
  }
  Drawing drawing(task_maker(name), tokenizer, options);
  Task task{.name = name, .items = {}, .hash = {}, .skipped = 0};
  for (std::int64_t i = 0; i < options.n; ++i) {
    TaskItem item = drawing.next();
    item.id = std::to_string(i);
    item.clean.id = item.id + "/clean";
    item.corrupted.id = item.id + "/corrupted";
    task.items.push_back(std::move(item));
  }
  task.skipped = drawing.unfit();
  task.hash = hash_of(task.items);
  return task;
}

Draft example_of(const TaskMaker& maker) {
  const WordFile words = words_for(maker, {});
  Random random(0, maker.name);
  return maker.open({words, checked_corruption(maker, ""), nullptr, PrependBos::no})(random, 0);
}

}  // namespace headscope
