// HDF5 attributes. `object` is a File's, Group's or Dataset's id.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/stored/h5/handle.h"

namespace headscope::h5 {

void set_attribute(hid_t object, const std::string& name, const std::string& text);
void set_attribute(hid_t object, const std::string& name, const std::vector<std::string>& texts);
void set_attribute(hid_t object, const std::string& name, std::int64_t value);
void set_attribute(hid_t object, const std::string& name, std::uint64_t value);
void set_attribute(hid_t object, const std::string& name, double value);
void set_flag(hid_t object, const std::string& name, bool value);

std::string text_attribute(hid_t object, const std::string& name);
std::vector<std::string> texts_attribute(hid_t object, const std::string& name);
std::int64_t integer_attribute(hid_t object, const std::string& name);

}  // namespace headscope::h5
