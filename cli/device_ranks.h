// --devices: one process that starts a rank for each of several GPUs of its host, and needs no
// launcher.
#pragma once

#include <string>
#include <vector>

namespace headscope {

// "cuda:0-3", "cuda:0,2", or "cpu:2" for so many processes of a share of the cores each; as
// --device takes them. Throws UsageError for anything else.
std::vector<std::string> devices_of(const std::string& text);

// Starts this very command once a device and waits for all. A signal that asks this process to stop
// is passed on. Throws ResourceError if none of them came to the end: each has said why.
void run_on_devices(const std::vector<std::string>& devices, const std::string& out);

}  // namespace headscope
