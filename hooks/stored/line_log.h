// Finished work as JSON, a line each, so that a run that was stopped goes on. The first line,
// {"format": …, "identity": …}, says what the lines are of. A line is on disk before add() returns,
// so that a kill costs at most the line being written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/stored/if_exists.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/posix_file.h"
#include "hooks/stored/seal.h"
#include "lib/base/json.h"

namespace headscope {

class LineLog {
 public:
  // Makes the file, or goes on with what is there (IfExists::resume), locked for as long as this
  // lives; a last line that a kill or a full disk cut short is dropped. Throws UsageError for what
  // open_to_resume() refuses and for another identity, naming the first difference; DataError for a
  // file that is no such log or of which another line is damaged; ResourceError if it cannot be
  // written. `kind` must be of Form::lines and outlive this.
  LineLog(const std::filesystem::path& path,
          const FileKind& kind,
          const Json& identity,
          IfExists if_exists);

  // What an earlier run left, the first line not counted.
  [[nodiscard]] const std::vector<Json>& found() const { return found_; }

  // Throws ResourceError if the disk does not take it: the lines before are kept.
  void add(const Json& line);

  // Throws the DataError that says that this one of found() is damaged.
  [[noreturn]] void refuse_line(std::size_t index) const;

 private:
  void begin(const std::filesystem::path& path, const Json& identity, NewFile::Over over);
  void read(const Json& identity);
  void check_head(const std::string& line, const Json& identity) const;

  const FileKind& kind_;
  PosixFile file_;
  std::vector<Json> found_;
  std::uint64_t end_ = 0;     // of the last whole line
  std::size_t finished_ = 0;  // lines, the first not counted
};

}  // namespace headscope
