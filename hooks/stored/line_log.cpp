#include "hooks/stored/line_log.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <unistd.h>

#include "hooks/stored/disk_space.h"
#include "hooks/stored/identity.h"
#include "hooks/stored/open_file.h"
#include "hooks/stored/provenance.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// True if the line is on disk.
bool write_line(const PosixFile& file, std::uint64_t at, const Json& json) {
  const std::string line = dumped(json) + "\n";
  const FileSizeSignalBlocked no_signal;
  return file.write(at, line.data(), line.size()) && ::fdatasync(file.descriptor()) == 0;
}

std::string text_of(const PosixFile& file) {
  std::string text(file.size(), '\0');
  if (!file.read(0, text.data(), text.size())) {
    throw DataError("{}: cannot read: {}", file.path().string(), std::strerror(errno));
  }
  return text;
}

// Null for what is no JSON, or has a key twice.
Json parsed(const std::string& line) {
  try {
    return parse_json(line, "");
  } catch (const DataError&) {
    return nullptr;
  }
}

[[noreturn]] void throw_unwritten(const PosixFile& file, std::size_t kept) {
  const int cause = errno;
  throw ResourceError(
      "{}: cannot write: {}; its {} finished lines are kept: {} and go on with "
      "--resume",
      file.path().string(),
      std::strerror(cause),
      kept,
      remedy_for(cause));
}

}  // namespace

LineLog::LineLog(const std::filesystem::path& path,
                 const FileKind& kind,
                 const Json& identity,
                 IfExists if_exists)
    : kind_(kind), file_(open_to_resume(path, kind, if_exists)) {
  if (file_.valid()) {
    read(identity);
  } else {
    const bool replaces = if_exists == IfExists::replace;
    begin(path, identity, replaces ? NewFile::Over::replace : NewFile::Over::fail);
  }
}

void LineLog::begin(const std::filesystem::path& path, const Json& identity, NewFile::Over over) {
  NewFile made(path);
  if (::ftruncate(made.file().descriptor(), 0) != 0 ||  // what one that was killed left there
      !write_line(made.file(), 0, {{"format", kind_.format}, {"identity", identity}})) {
    const int cause = errno;
    throw ResourceError("{}: cannot make it: {}; {} or choose another -o",
                        path.string(),
                        std::strerror(cause),
                        remedy_for(cause));
  }
  end_ = made.file().size();
  file_ = made.publish(over);
}

void LineLog::read(const Json& identity) {
  const std::string text = text_of(file_);
  std::size_t line = 0;
  for (std::size_t stop = text.find('\n'); stop != std::string::npos;
       stop = text.find('\n', end_)) {
    const std::string each = text.substr(end_, stop - end_);
    if (line++ == 0) {
      check_head(each, identity);
    } else {
      found_.push_back(parsed(each));
      if (!found_.back().is_object()) {
        refuse_line(found_.size() - 1);
      }
    }
    end_ = stop + 1;
  }
  if (line == 0) {
    check_head(text, identity);  // or it is one, but for its end
    throw DataError("{}: its first line is cut short; {}", file_.path().string(), kind_.again);
  }
  finished_ = found_.size();
  if (end_ < text.size() && ::ftruncate(file_.descriptor(), static_cast<off_t>(end_)) != 0) {
    throw_unwritten(file_, finished_);
  }
}

void LineLog::check_head(const std::string& line, const Json& identity) const {
  const Json head = parsed(line);
  if (!head.is_object() || head.value("format", Json()) != Json(kind_.format) ||
      !head.contains("identity")) {
    throw DataError("{}: not a headscope {}; {}", file_.path().string(), kind_.noun, kind_.source);
  }
  if (const auto differs = identity_difference(head, {{"identity", identity}})) {
    refuse_to_resume(file_.path(), *differs, kind_.again);
  }
}

void LineLog::refuse_line(std::size_t index) const {
  throw DataError("{}: its line {} is damaged; delete that line to have it run again, or {}",
                  file_.path().string(),
                  index + 2,
                  kind_.again);
}

void LineLog::add(const Json& line) {
  if (!write_line(file_, end_, line)) {
    throw_unwritten(file_, finished_);
  }
  end_ = file_.size();
  ++finished_;
}

}  // namespace headscope
