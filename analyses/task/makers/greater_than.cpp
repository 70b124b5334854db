// Greater-than: an event ends after it began. Two forms, by what the tokenizer makes of a year:
//
//   " 1742" → " 17", "42"    the prompt ends in " 17"; every two-digit token above 42 is right,
//                            every other wrong (those the tokenizer can write after " 17")
//   " 1742" → …, "4", "2"    one token a digit. The decade would decide most of the answer, and an
//                            equal decade is neither right nor wrong; so it is given: the prompt
//                            ends in " 174", digits above 2 are right, 0 to 2 wrong
//
// In both CC is what the end year begins with, and YY what must be exceeded.
#include <fmt/format.h>

#include "analyses/task/in_context.h"
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"

namespace headscope {
namespace {

struct Century {
  std::string cc;
  std::vector<std::string> endings;  // what may follow cc, ascending
};

constexpr std::size_t kFewest = 50;  // years of the two-digit form

std::string two_digits(int number) {
  return fmt::format("{:02}", number);
}

// The years 1100 to 1899 that are two tokens, two digits each.
std::vector<Century> two_digit_years(const MakerContext& context) {
  std::vector<Century> out;
  for (int cc = 11; cc <= 18; ++cc) {
    Century century{two_digits(cc), {}};
    for (int yy = 0; yy < 100; ++yy) {
      if (context.tokenizer != nullptr) {
        const EncodedText head(*context.tokenizer, "in " + century.cc, PrependBos::no);
        const auto whole = EncodedText(*context.tokenizer, "in", PrependBos::no).tokens.size() + 1;
        if (head.tokens.size() != whole || !head.token_of(two_digits(yy))) {
          continue;
        }
      }
      century.endings.push_back(two_digits(yy));
    }
    if (century.endings.size() > 4) {
      out.push_back(century);
    }
  }
  return out;
}

std::vector<Century> digit_years() {
  std::vector<Century> out;
  for (int decade = 110; decade < 190; ++decade) {
    out.push_back({std::to_string(decade), {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}});
  }
  return out;
}

std::vector<Century> years(const MakerContext& context) {
  auto found = two_digit_years(context);
  std::size_t count = 0;
  for (const Century& century : found) {
    count += century.endings.size();
  }
  return count < kFewest ? digit_years() : found;
}

// Never the first and last ending, so that both sets have several members.
std::string start(const Century& century, Random& random) {
  return century.endings[1 + random.below(century.endings.size() - 2)];
}

std::string corrupted_start(const Century& century,
                            const std::string& clean,
                            const std::string& how,
                            Random& random) {
  if (how == "low") {
    return clean.size() == 2 ? "01" : "0";
  }
  std::string other = clean;
  while (other == clean) {
    other = start(century, random);
  }
  return other;
}

DrawDraft open_greater_than(const MakerContext& context) {
  return [templates = context.templates({"CC", "YY"}),
          where = context.words.where("templates"),
          how = context.corruption,
          centuries = years(context),
          events = context.words.list("events")](Random& random, std::size_t turn) {
    const std::size_t number = turn % templates.size();
    const Century& century = random.pick(centuries);
    Words words{{"EVENT", random.pick(events)}, {"CC", century.cc}, {"YY", start(century, random)}};
    Draft draft{.clean = fill(templates[number], words, where),
                .corrupted = {},
                .answers = {},
                .wrong = {},
                .template_name = std::to_string(number)};
    for (const std::string& ending : century.endings) {
      (ending > words["YY"] ? draft.answers : draft.wrong).push_back(ending);
    }
    words["YY"] = corrupted_start(century, words["YY"], how, random);
    draft.corrupted = fill(templates[number], words, where);
    return draft;
  };
}

}  // namespace

TaskMaker greater_than_maker() {
  return {
      .name = "greater_than",
      .summary = "A later year than the first; digit by digit where the tokenizer splits numbers",
      .source = "Hanna et al. 2023, How does GPT-2 compute greater-than?, arXiv 2305.00586",
      .spans = {{"CC", "what both years begin with, in the first year"},
                {"YY", "the rest of the first year: what must be exceeded"},
                {"end", "the last token"}},
      .corruptions = {{"low", "YY becomes 01 (or 0, digit by digit): nearly every ending is right"},
                      {"random", "another YY"}},
      .words = greater_than_words(),
      .open = open_greater_than,
  };
}

}  // namespace headscope
