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
inline constexpr const char* kGone = "gone";      // the heartbeat of one that left
inline constexpr const char* kSilent = "silent";  // what its neighbour wrote over that of another
inline constexpr double kSilentBeats = 5.0;       // heartbeats missed, after which it does

// Seconds between two heartbeats: several in a lease.
double beat_pause(double lease);

class RankWatch {
 public:
  // All outlive this. `lease` in seconds.
  RankWatch(KeyStore& store, double lease, SecondsClock clock)
      : store_(store), lease_(lease), clock_(std::move(clock)) {}

  // Whether its heartbeat has not changed for a lease, as far as this has looked, or says that it
  // left. So the first answer about a rank that was just killed is no.
  bool dead(int rank);
  // Or that its neighbour found it silent: enough for what may be done twice.
  bool silent(int rank);

  // Of rank `rank` of `ranks`, once a heartbeat: looks after the next one that lives, and writes of
  // one that is silent that it is, so that whoever needs its blocks at last need not wait to see
  // for itself. One that was only slow says so with its next heartbeat.
  void watch_neighbour(int rank, int ranks);

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
