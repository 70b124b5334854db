// Templates and word lists of a task: ours, or the user's in their place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json.h"

namespace headscope {

class WordFile {
 public:
  // `ours`: {"templates": ["…"], "names": ["…"], …}.
  WordFile(std::string_view task, std::string_view ours);

  // Takes the lists of `theirs`; those it lacks stay ours. Throws DataError naming `path` and the
  // nearest key for one that is not in ours.
  void replace(const Json& theirs, const std::filesystem::path& path);

  // Texts, at least one. Throws DataError naming the file.
  [[nodiscard]] std::vector<std::string> list(const std::string& key) const;

  // An object of lists: {"metal": ["iron", …], …}.
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> groups(
      const std::string& key) const;

  // Lists of `width` texts each: [["France", "Paris"], …].
  [[nodiscard]] std::vector<std::vector<std::string>> rows(const std::string& key,
                                                           std::size_t width) const;

  // Whether there are any: a list may be there for users to fill.
  [[nodiscard]] bool has_rows(const std::string& key) const { return !at(key).empty(); }

  // "mine.json: templates", to open a message with.
  [[nodiscard]] std::string where(const std::string& key) const;

 private:
  [[nodiscard]] const OrderedJson& at(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> texts(const OrderedJson& list,
                                               const std::string& where) const;

  std::string ours_;
  std::string theirs_;
  std::vector<std::string> replaced_;
  OrderedJson json_;
};

}  // namespace headscope
