// A progress bar on the terminal; nothing at all when stderr is redirected or
// the terminal cannot redraw a line.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace headscope {

class Progress {
 public:
  enum class When { terminal, always, never };
  struct Options {
    std::string label = "";        // "recording"
    std::string unit = "prompts";  // the rate is printed in units a second
    std::FILE* stream = stderr;
    When when = When::terminal;  // draw only if `stream` is a terminal, and not a dumb one (TERM)
  };

  Progress(std::int64_t total, Options options);
  ~Progress();  // clears the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::int64_t done = 1);   // redraws at most ten times a second; not thread-safe
  void begin_at(std::int64_t done);  // was done before: no part of the rate
  void note(std::string text) { note_ = std::move(text); }  // shown at the end of the line

 private:
  void draw();

  std::int64_t total_;
  Options options_;
  std::int64_t done_ = 0;
  std::int64_t before_ = 0;
  std::string note_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
  bool on_ = false;
};

// The bar's line: "recording ━━━━──── 40/100 prompts  12.3/s  5.0 s left". `before` of `done` took
// no part of the `seconds`.
std::string progress_line(const Progress::Options& options,
                          std::int64_t done,
                          std::int64_t total,
                          double seconds,
                          std::int64_t before = 0);

}  // namespace headscope
