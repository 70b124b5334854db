#include "cli/families_table.h"

#include <fmt/ranges.h>

#include "cli/render/table.h"
#include "lib/base/counted.h"
#include "lib/families/family.h"
#include "lib/families/verified.h"

namespace headscope {
namespace {

// The architectures of a family's GGUF files; with the family that reads them, if it is another.
std::string gguf_names(const Family& family) {
  if (!family.gguf_family.empty()) {
    return fmt::format("as {}", family.gguf_family);
  }
  return fmt::format("{}", fmt::join(family.gguf, ", "));
}

// What is listed in an array of a program is text with commas in a table.
Table families_table() {
  Table table({{"family"},
               {"architectures"},
               {"GGUF"},
               {"logits within", 3, "logits"},
               {"hook values within", 3, "hooks"},
               {"measured on"}});
  for (const Family& family : all_families()) {
    const Verified* seen = find_verified(family.name);
    const auto names = [](const auto& list) { return fmt::format("{}", fmt::join(list, ", ")); };
    table.row({std::string(family.name),
               names(family.architectures),
               gguf_names(family),
               seen == nullptr ? OrderedJson() : OrderedJson(fmt::format("{:.0e}", seen->logits)),
               seen == nullptr ? OrderedJson() : OrderedJson(fmt::format("{:.0e}", seen->hooks)),
               seen == nullptr
                   ? OrderedJson()
                   : OrderedJson(fmt::format(
                         "{}, {}", counted(seen->models.size(), "model"), seen->against))});
  }
  return table;
}

}  // namespace

OrderedJson families_json() {
  OrderedJson list = OrderedJson::array();
  for (const Family& family : all_families()) {
    const Verified* seen = find_verified(family.name);
    OrderedJson entry{{"family", family.name},
                      {"architectures", family.architectures},
                      {"model_types", family.model_types},
                      {"gguf", family.gguf}};
    if (!family.gguf_family.empty()) {
      entry["gguf_as"] = family.gguf_family;
    }
    entry["verified"] = seen == nullptr ? OrderedJson()
                                        : OrderedJson{{"against", seen->against},
                                                      {"models", seen->models},
                                                      {"logits", seen->logits},
                                                      {"hooks", seen->hooks}};
    list.push_back(entry);
  }
  return list;
}

std::string families_text() {
  return families_table().text() +
         "\nwithin: max |ours - theirs| / max(1, max |theirs|) in f32 on the CPU, over tiny "
         "random\n"
         "models of odd shapes (data/fixtures/models); held true by "
         "tests/families/parity_test.cpp\n";
}

}  // namespace headscope
