// Which ranks are alive: each changes its heartbeat again and again, and one that has not for as
// long as a lease lasts is taken for dead. Only this process's steady clock is asked, so that the
// clocks of hosts may differ.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "analyses/cluster/key_store.h"

namespace headscope {

using SecondsClock = std::function<double()>;
double steady_seconds();

std::string heartbeat_key(int rank);
inline constexpr const char* kGone = "gone";  // the heartbeat of one that left

class RankWatch {
 public:
  // All outlive this. `lease` in seconds.
  RankWatch(KeyStore& store, double lease, SecondsClock clock)
      : store_(store), lease_(lease), clock_(std::move(clock)) {}

  // Whether its heartbeat has not changed for a lease, as far as this has looked, or says that it
  // left. So the first answer about a rank that was just killed is no.
  bool dead(int rank);

 private:
  struct Seen {
    std::string beat;
    double since = 0.0;
  };

  KeyStore& store_;
  double lease_;
  SecondsClock clock_;
  std::map<int, Seen> seen_;
};

}  // namespace headscope
