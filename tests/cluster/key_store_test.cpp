// The stores that ranks meet at, each from two sides.
#include "analyses/cluster/key_store.h"

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/killed_child.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

RankPlace at_port(int rank, int port) {
  RankPlace place;
  place.rank = rank;
  place.size = 2;
  place.meeting_host = "127.0.0.1";
  place.meeting_port = port;
  return place;
}

void check_operations(KeyStore& one, KeyStore& other) {
  CHECK(one.get("a/b").empty());
  other.set("a/b", "1");
  CHECK(one.get("a/b") == "1");
  CHECK(one.compare_set("a/b", "0", "2") == "1");
  CHECK(one.compare_set("a/b", "1", "2") == "2");
  CHECK(other.get("a/b") == "2");
  CHECK(other.compare_set("new", "", "3") == "3");
  CHECK(one.compare_set("new", "", "4") == "3");
  for (const std::size_t size : {100'000, 3, 20, 7000, 0, 5}) {  // a text may outgrow its place
    one.set("size", std::string(size, 'x'));
    CHECK(other.get("size") == std::string(size, 'x'));
  }
}

// Each adds 1 so often: none is lost.
void check_counting(KeyStore& one, KeyStore& other) {
  constexpr int kTimes = 200;
  const auto count = [](KeyStore& store) {
    for (int i = 0; i < kTimes;) {
      const std::string there = store.get("count");
      const std::string more = std::to_string(there.empty() ? 1 : std::stoi(there) + 1);
      // Two that write the same text from the same text cannot be told apart: so name the writer.
      const std::string mine = fmt::format("{} {}", more, static_cast<const void*>(&store));
      i += store.compare_set("count", there, mine) == mine ? 1 : 0;
    }
  };
  std::thread beside([&] { count(other); });
  count(one);
  beside.join();
  CHECK(std::stoi(one.get("count")) == 2 * kTimes);
}

}  // namespace

TEST_CASE("ranks meet by network") {
  const int port = 20000 + ::getpid() % 20000;
  const auto server = meet_by_network(at_port(0, port), 20.0);
  const auto client = meet_by_network(at_port(1, port), 20.0);
  check_operations(*server, *client);
  check_counting(*server, *client);
}

TEST_CASE("ranks meet in a folder") {
  const TempFolder folder;
  const auto one = meet_in_folder(folder.file("meet"));
  const auto other = meet_in_folder(folder.file("meet"));
  check_operations(*one, *other);
  check_counting(*one, *other);
  CHECK_THROWS_AS(meet_in_folder("/proc/none"), ResourceError);
}

TEST_CASE("a rank that nobody listens to, or whose meeting place went, says where and stops") {
  const int port = 20000 + (::getpid() + 7) % 20000;
  CHECK_THROWS_WITH(meet_by_network(at_port(1, port), 1.0),
                    contains("cannot reach rank 0 at 127.0.0.1:") && contains("MASTER_PORT"));
  auto server = meet_by_network(at_port(0, port), 5.0);
  const auto client = meet_by_network(at_port(1, port), 5.0);
  CHECK_THROWS_WITH(meet_by_network(at_port(0, port), 1.0), contains("cannot listen at"));
  server.reset();
  CHECK_THROWS_WITH(client->get("a"), contains("--resume"));
}

TEST_CASE("a text of the folder is whole whenever its writer is killed") {
  const TempFolder folder;
  const auto steps = shared_memory<Steps>();
  std::mt19937 random(11);
  int killed = 0;
  for (int i = 0; i < 12; ++i) {
    killed += run_and_kill(*steps,
                           1 + i,
                           random,
                           [&] {
                             const auto store = meet_in_folder(folder.file("meet"));
                             for (int length = 1; length < 40; ++length) {
                               store->set("text",
                                          std::string(static_cast<std::size_t>(length) * 900,
                                                      static_cast<char>('a' + length % 26)));
                               steps->step_done();
                             }
                           })
                  ? 1
                  : 0;
    const std::string text = meet_in_folder(folder.file("meet"))->get("text");
    REQUIRE(text.size() % 900 == 0);
    REQUIRE(text == std::string(text.size(), 'a' + static_cast<char>(text.size() / 900 % 26)));
  }
  CHECK(killed > 3);
}
