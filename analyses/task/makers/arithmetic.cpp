// Arithmetic: numbers of one or two digits, after two solved examples. Where the tokenizer splits
// numbers the answer has one digit, the operands still one or two.
#include "analyses/task/in_context.h"
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr int kLargest = 99;

struct Sum {
  int a = 0;
  int b = 0;
  int answer = -1;  // −1: not within 0 to 99
};

Sum solved(char sign, int a, int b) {
  const int answer = sign == '+' ? a + b : sign == '-' ? a - b : a * b;
  return {a, b, answer > kLargest ? -1 : answer};
}

// Answers of one digit and of two are drawn equally often, so that splitting tokenizers find some.
Sum draw_sum(char sign, Random& random) {
  const int below = random.below(2) == 0 ? 10 : kLargest + 1;
  Sum sum;
  while (sum.answer < 0 || sum.answer >= below) {
    const std::size_t largest = sign == '*' ? 12 : kLargest;
    const int a = static_cast<int>(1 + random.below(largest));  // arguments have no set order
    const int b = static_cast<int>(1 + random.below(largest));
    sum = solved(sign, a, b);
  }
  return sum;
}

struct ArithmeticLists {
  std::vector<std::string> templates;
  std::vector<std::vector<std::string>> operations;  // {"+", "plus"}
  std::string where, how;
};

// The template with its {SIGN} or {WORD} as {OP}, and the text put there.
std::pair<std::string, std::size_t> with_op(std::string pattern) {
  for (const auto& [slot, column] :
       {std::pair<std::string, std::size_t>{"{SIGN}", 0}, {"{WORD}", 1}}) {
    const std::size_t at = pattern.find(slot);
    if (at != std::string::npos) {
      return {pattern.replace(at, slot.size(), "{OP}"), column};
    }
  }
  return {pattern, 0};
}

Words words_of(const Sum& sum, const std::string& op, const std::string& prefix) {
  return {{prefix + "A", std::to_string(sum.a)},
          {prefix + "B", std::to_string(sum.b)},
          {prefix + "OP", op}};
}

Draft draw_arithmetic(const ArithmeticLists& lists, Random& random, std::size_t turn) {
  const std::size_t number = turn % lists.templates.size();
  const auto [pattern, column] = with_op(lists.templates[number]);
  const std::size_t which = turn / lists.templates.size() % lists.operations.size();
  const auto& operation = lists.operations[which];
  const char sign = operation[0][0];
  std::string shots;
  for (int i = 0; i < 2; ++i) {
    const Sum sum = draw_sum(sign, random);
    const Words words = words_of(sum, operation[column], "shot ");
    shots += fill(with_prefix(pattern, "shot "), words, lists.where).text;
    shots += fmt::format(" {}\n", sum.answer);
  }
  const Sum sum = draw_sum(sign, random);
  const std::size_t step = 1 + random.below(lists.operations.size() - 1);
  const auto& other = lists.how == "operands"
                          ? operation
                          : lists.operations[(which + step) % lists.operations.size()];
  const Sum changed =
      lists.how == "operands" ? draw_sum(sign, random) : solved(other[0][0], sum.a, sum.b);
  if (changed.answer < 0) {
    throw UnfitItem("the corrupted result is not within 0 to {}", kLargest);
  }
  return {.clean = fill(shots + pattern, words_of(sum, operation[column], ""), lists.where),
          .corrupted = fill(shots + pattern, words_of(changed, other[column], ""), lists.where),
          .answers = {fmt::format(" {}", sum.answer)},
          .wrong = {fmt::format(" {}", changed.answer)},
          .template_name = fmt::format("{} {}", number, operation[0])};
}

DrawDraft open_arithmetic(const MakerContext& context) {
  const ArithmeticLists lists{.templates = context.templates({"A", "B"}),
                              .operations = context.words.rows("operations", 2),
                              .where = context.words.where("templates"),
                              .how = context.corruption};
  for (const auto& operation : lists.operations) {
    if (operation[0] != "+" && operation[0] != "-" && operation[0] != "*") {
      throw DataError("{}: '{}' is not +, - or *", context.words.where("operations"), operation[0]);
    }
  }
  if (lists.operations.size() < 2) {
    throw DataError("{}: two are needed", context.words.where("operations"));
  }
  return [lists](Random& random, std::size_t turn) { return draw_arithmetic(lists, random, turn); };
}

}  // namespace

TaskMaker arithmetic_maker() {
  return {
      .name = "arithmetic",
      .summary = "Sums, differences and products below 100, after two solved ones",
      .source =
          "Zhang et al. 2024, Interpreting and improving large language models in arithmetic "
          "calculation, arXiv 2409.01659",
      .spans = {{"A", "the first operand"},
                {"OP", "the sign, or the word for it"},
                {"B", "the second operand"},
                {"end", "the last token"}},
      .corruptions = {{"operands", "two other operands"},
                      {"operation", "another operation on the same operands"}},
      .words = arithmetic_words(),
      .open = open_arithmetic,
  };
}

}  // namespace headscope
