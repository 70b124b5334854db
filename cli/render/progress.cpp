#include "cli/render/progress.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/render/table.h"

namespace headscope {
namespace {

constexpr int kBarColumns = 24;
constexpr auto kRedraw = std::chrono::milliseconds(100);

bool draws_bar(const Progress::Options& options) {
  const char* kind = std::getenv("TERM");
  const bool redraws = kind == nullptr || std::string_view(kind) != "dumb";
  return options.when == Progress::When::always ||
         (options.when == Progress::When::terminal && redraws &&
          ::isatty(::fileno(options.stream)) == 1);
}

}  // namespace

std::string progress_line(const Progress::Options& options,
                          std::int64_t done,
                          std::int64_t total,
                          double seconds,
                          std::int64_t before) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarColumns);
  std::string bar;
  for (int i = 0; i < kBarColumns; ++i) {
    bar += i < filled ? "━" : "─";
  }
  std::string line = fmt::format("{}{}{} {}/{} {}",
                                 options.label,
                                 options.label.empty() ? "" : " ",
                                 bar,
                                 done,
                                 total,
                                 options.unit);
  if (done > before && seconds > 0) {
    const double rate = static_cast<double>(done - before) / seconds;
    line += fmt::format(
        "  {:.{}f}/s  {} left",
        rate,
        rate < 100 ? 1 : 0,
        format_seconds(static_cast<double>(std::max<std::int64_t>(0, total - done)) / rate));
  }
  return line;
}

Progress::Progress(std::int64_t total, Options options)
    : total_(total),
      options_(std::move(options)),
      start_(std::chrono::steady_clock::now()),
      form_(options_.when == Progress::When::never ? Form::nothing
            : draws_bar(options_)                  ? Form::bar
                                                   : Form::lines) {
  drawn_ = form_ == Form::bar ? start_ - kRedraw : start_;
}

Progress::~Progress() {
  if (form_ == Form::bar) {
    std::fputs("\r\033[K", options_.stream);
    std::fflush(options_.stream);
  }
}

void Progress::add(std::int64_t done) {
  done_ += done;
  const auto now = std::chrono::steady_clock::now();
  const bool bar = form_ == Form::bar && (now - drawn_ >= kRedraw || done_ >= total_);
  const bool line = form_ == Form::lines && now - drawn_ >= options_.line_every;
  if (bar || line) {
    drawn_ = now;
    draw();
  }
}

void Progress::begin_at(std::int64_t done) {
  before_ = done;
  done_ = done;
}

void Progress::draw() {
  const std::chrono::duration<double> spent = drawn_ - start_;
  const std::string line = progress_line(options_, done_, total_, spent.count(), before_);
  const std::string text = line + (note_.empty() ? "" : "  ") + note_;
  if (form_ == Form::bar) {
    fmt::print(options_.stream, "\r{}\033[K", text);
  } else {
    fmt::print(options_.stream, "headscope: {}\n", text);
  }
  std::fflush(options_.stream);
}

}  // namespace headscope
