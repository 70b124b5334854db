// Successor: what comes after three members of an ordered list.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct Order {
  std::string name;
  std::vector<std::string> members;
  std::size_t starts;  // places where three and a successor can begin

  [[nodiscard]] const std::string& at(std::size_t place) const {
    return members[place % members.size()];
  }
};

std::vector<Order> orders(const MakerContext& context) {
  std::vector<Order> out;
  for (const std::string key : {"cyclic", "open"}) {
    for (auto& [name, members] : context.words.groups(key)) {
      if (members.size() < 5) {
        throw DataError("{}.{} has fewer than 5 members", context.words.where(key), name);
      }
      const std::size_t starts = key == "cyclic" ? members.size() : members.size() - 3;
      out.push_back({name, members, starts});
    }
  }
  return out;
}

Words three(const Order& order, std::size_t start) {
  return {{"X1", order.at(start)}, {"X2", order.at(start + 1)}, {"X3", order.at(start + 2)}};
}

// The orders of three in which none follows its predecessor.
Words shuffled(const Order& order, std::size_t start, Random& random) {
  static const std::vector<std::vector<std::size_t>> ways{{0, 2, 1}, {1, 0, 2}, {2, 1, 0}};
  const auto& way = random.pick(ways);
  return {{"X1", order.at(start + way[0])},
          {"X2", order.at(start + way[1])},
          {"X3", order.at(start + way[2])}};
}

DrawDraft open_successor(const MakerContext& context) {
  return [templates = context.templates({"X1", "X2", "X3"}),
          where = context.words.where("templates"),
          how = context.corruption,
          orders = orders(context)](Random& random, std::size_t turn) {
    const Order& order = orders[turn % orders.size()];
    const std::size_t number = turn / orders.size() % templates.size();
    const std::size_t start = random.below(order.starts);
    const std::size_t other = (start + 1 + random.below(order.starts - 1)) % order.starts;
    Draft draft{.clean = fill(templates[number], three(order, start), where),
                .corrupted = {},
                .answers = {" " + order.at(start + 3)},
                .wrong = {},
                .template_name = fmt::format("{} {}", number, order.name)};
    if (how == "shifted") {
      draft.corrupted = fill(templates[number], three(order, other), where);
      draft.wrong = {" " + order.at(other + 3)};
    } else {
      draft.corrupted = fill(templates[number], shuffled(order, start, random), where);
      for (std::size_t i = 0; i < 3; ++i) {
        draft.wrong.push_back(" " + order.at(start + i));
      }
    }
    return draft;
  };
}

}  // namespace

TaskMaker successor_maker() {
  return {
      .name = "successor",
      .summary = "The next day, month, number, number word or letter",
      .source = "Gould et al. 2023, Successor heads, arXiv 2312.09230",
      .spans = {{"X1", "the first member"},
                {"X2", "the second"},
                {"X3", "the third, whose successor is the answer"},
                {"end", "the last token"}},
      .corruptions = {{"shifted", "three others in a row: the answer becomes their successor"},
                      {"shuffled", "the same three, none after its predecessor; they are wrong"}},
      .words = successor_words(),
      .open = open_successor,
  };
}

}  // namespace headscope
