#include "analyses/head_detectors/succession.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace headscope {
namespace {

using WordSeries = std::vector<std::string>;

constexpr std::size_t kFewestPairs = 3;
constexpr int kLargestNumber = 200;
constexpr int kMostNumbers = 1000;

enum class Case { given, turned };

struct List {
  std::string name;
  WordSeries words;
  bool round = false;  // the first follows the last
  bool turns = false;  // has a form with the other case
};

WordSeries numbers() {
  WordSeries words;
  for (int i = 1; i <= kLargestNumber; ++i) {
    words.push_back(std::to_string(i));
  }
  return words;
}

WordSeries letters() {
  WordSeries words;
  for (char letter = 'A'; letter <= 'Z'; ++letter) {
    words.emplace_back(1, letter);
  }
  return words;
}

WordSeries starts_of(const WordSeries& words) {
  WordSeries out;
  for (const std::string& word : words) {
    out.push_back(word.substr(0, 3));
  }
  return out;
}

const WordSeries kNumberWords{"one",     "two",       "three",    "four",     "five",
                              "six",     "seven",     "eight",    "nine",     "ten",
                              "eleven",  "twelve",    "thirteen", "fourteen", "fifteen",
                              "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
const WordSeries kOrdinals{
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"};
const WordSeries kDays{
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
const WordSeries kMonths{"January",
                         "February",
                         "March",
                         "April",
                         "May",
                         "June",
                         "July",
                         "August",
                         "September",
                         "October",
                         "November",
                         "December"};
const WordSeries kRoman{"I",  "II",  "III",  "IV",  "V",  "VI",  "VII",  "VIII",  "IX",  "X",
                        "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XX"};

std::vector<List> lists_of(SuccessionLists which) {
  const bool expanded = which == SuccessionLists::expanded;
  std::vector<List> lists{{"numbers", numbers()},
                          {"number words", kNumberWords, false, true},
                          {"ordinal words", kOrdinals, false, true},
                          {"days", kDays, true, true},
                          {"months", kMonths, true, true},
                          {"short days", starts_of(kDays), expanded, true},
                          {"short months", starts_of(kMonths), expanded, true},
                          {"letters", letters()}};
  if (expanded) {
    lists.push_back({"roman numerals", kRoman});
  }
  return lists;
}

std::string spelled(std::string word, bool blank, Case letter) {
  if (letter == Case::turned) {
    const auto first = static_cast<unsigned char>(word[0]);
    word[0] =
        static_cast<char>(std::isupper(first) != 0 ? std::tolower(first) : std::toupper(first));
  }
  return blank ? fmt::format(" {}", word) : word;
}

class Builder {
 public:
  explicit Builder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void add(const List& list, bool blank, Case letter) {
    SuccessionTask task{.name = list.name, .pairs = {}, .targets = {}};
    task.name += blank ? "" : ", no space";
    task.name += letter == Case::turned ? ", other case" : "";
    const std::size_t count = list.words.size() - (list.round ? 0 : 1);
    for (std::size_t i = 0; i < count; ++i) {
      const auto from = tokenizer_.single(spelled(list.words[i], blank, letter));
      const auto to =
          tokenizer_.single(spelled(list.words[(i + 1) % list.words.size()], blank, letter));
      if (from && to && *from != *to) {
        task.pairs.emplace_back(*from, *to);
        task.targets.push_back(*to);
      }
    }
    keep(std::move(task), count);
  }

  Succession result;

 private:
  void keep(SuccessionTask task, std::size_t wanted) {
    if (task.pairs.size() < kFewestPairs) {
      result.dropped += wanted;
      return;
    }
    std::sort(task.targets.begin(), task.targets.end());
    task.targets.erase(std::unique(task.targets.begin(), task.targets.end()), task.targets.end());
    result.pairs += task.pairs.size();
    result.dropped += wanted - task.pairs.size();
    result.tasks.push_back(std::move(task));
  }

  const Tokenizer& tokenizer_;
};

std::vector<TokenId> numbers_spelled(const Tokenizer& tokenizer, bool blank) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < kMostNumbers; ++i) {
    const auto token = tokenizer.single(spelled(std::to_string(i), blank, Case::given));
    if (!token) {
      break;
    }
    tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace

Succession succession_tasks(const Tokenizer& tokenizer, SuccessionLists lists) {
  Builder builder(tokenizer);
  for (const List& list : lists_of(lists)) {
    builder.add(list, true, Case::given);
    if (lists == SuccessionLists::expanded) {
      builder.add(list, false, Case::given);
      if (list.turns) {
        builder.add(list, true, Case::turned);
        builder.add(list, false, Case::turned);
      }
    }
  }
  return builder.result;
}

std::vector<TokenId> number_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> blank = numbers_spelled(tokenizer, true);
  std::vector<TokenId> none = numbers_spelled(tokenizer, false);
  return blank.size() >= none.size() ? blank : none;
}

}  // namespace headscope
