#include "cli/device_ranks.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "analyses/cluster/rank_files.h"
#include "cli/interrupt.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"

namespace headscope {
namespace {

constexpr int kMostDevices = 64;

[[noreturn]] void refuse_devices(const std::string& text) {
  throw UsageError("--devices {}: give GPUs as cuda:0-3 or cuda:0,2, or processes as cpu:2", text);
}

int device_number(std::string_view text, const std::string& all) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    refuse_devices(all);
  }
  return number;
}

// The words of this process behind the program's name, without --devices and its value.
std::vector<std::string> own_words() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size(); at = text.find('\0', at) + 1) {
    words.emplace_back(text.c_str() + at);
  }
  words.erase(words.begin());
  for (auto word = words.begin(); word != words.end();) {
    if (*word == "--devices") {
      word = words.erase(word, word + 2);
    } else if (word->starts_with("--devices=")) {
      word = words.erase(word);
    } else {
      ++word;
    }
  }
  return words;
}

pid_t start_rank(int rank, std::size_t size, std::vector<std::string> words) {
  std::vector<char*> argv;
  std::string program = "headscope";
  argv.push_back(program.data());
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  for (const char* name : {"RANK", "LOCAL_RANK"}) {
    ::setenv(name, std::to_string(rank).c_str(), 1);
  }
  for (const char* name : {"WORLD_SIZE", "LOCAL_WORLD_SIZE"}) {
    ::setenv(name, std::to_string(size).c_str(), 1);
  }
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

// How many of the children came to the end.
int wait_for_ranks(std::vector<pid_t> children) {
  int finished = 0;
  bool told = false;
  while (!children.empty()) {
    if (interrupted() && !told) {
      told = true;
      std::ranges::for_each(children, [](pid_t child) { ::kill(child, SIGTERM); });
    }
    std::erase_if(children, [&](pid_t child) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == 0) {
        return false;
      }
      finished += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
      return true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return finished;
}

int number_within(std::string_view list, const std::string& text) {
  const int number = device_number(list, text);
  if (number > kMostDevices) {
    throw UsageError("--devices {}: more than {} processes", text, kMostDevices);
  }
  return number;
}

}  // namespace

std::vector<std::string> devices_of(const std::string& text) {
  std::vector<std::string> devices;
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (colon == std::string::npos || (kind != "cuda" && kind != "cpu")) {
    refuse_devices(text);
  }
  std::string_view list = std::string_view(text).substr(colon + 1);
  if (kind == "cpu") {
    devices.assign(static_cast<std::size_t>(number_within(list, text)), "cpu");
  }
  while (kind == "cuda" && !list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    const std::size_t dash = part.find('-');
    const int first = device_number(part.substr(0, dash), text);
    const int last =
        dash == std::string_view::npos ? first : device_number(part.substr(dash + 1), text);
    if (last - first >= kMostDevices) {
      throw UsageError("--devices {}: more than {} processes", text, kMostDevices);
    }
    for (int device = first; device <= last; ++device) {
      devices.push_back(fmt::format("cuda:{}", device));
    }
    list.remove_prefix(std::min(list.size(), part.size() + 1));
  }
  if (devices.empty()) {
    refuse_devices(text);
  }
  return devices;
}

void run_on_devices(const std::vector<std::string>& devices, const std::string& out) {
  catch_interrupts();
  const std::string meet =
      (shard_folder(out) / fmt::format("meet-devices-{}", ::getpid())).string();
  std::vector<pid_t> children;
  for (std::size_t rank = 0; rank < devices.size(); ++rank) {
    std::vector<std::string> words = own_words();
    words.insert(words.end(), {"--device", devices[rank], "--meet", meet});
    if (devices[rank] == "cpu" && std::ranges::find(words, "--threads") == words.end()) {
      const int threads = thread_count() / static_cast<int>(devices.size());
      words.insert(words.end(), {"--threads", std::to_string(std::max(1, threads))});
    }
    children.push_back(start_rank(static_cast<int>(rank), devices.size(), std::move(words)));
  }
  const int finished = wait_for_ranks(children);
  std::error_code ignored;
  std::filesystem::remove_all(meet, ignored);
  std::filesystem::remove(shard_folder(out), ignored);  // if nothing else is there
  if (interrupted()) {
    throw Interrupted();
  }
  if (finished == 0) {
    throw ResourceError("none of {} came to the end; what is finished is kept: go on with --resume",
                        counted(static_cast<std::int64_t>(devices.size()), "rank"));
  }
}

}  // namespace headscope
