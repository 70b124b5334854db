// Uses an installed headscope: the nearest known hook name, as its error messages offer it.
#include <iostream>

#include "lib/base/suggest.h"

int main() {
  const std::string hint = headscope::did_you_mean("hook_pattren", {"hook_z", "hook_pattern"});
  std::cout << hint << '\n';
  return hint.find("hook_pattern") == std::string::npos ? 1 : 0;
}
