#include "hooks/stored/h5/attribute.h"

#include "hooks/stored/h5/dataspace.h"
#include "hooks/stored/h5/datatype.h"

namespace headscope::h5 {
namespace {

void write(
    hid_t object, const std::string& name, hid_t type, const Dataspace& space, const void* value) {
  const std::string doing = "write attribute " + name;
  const Attribute attribute(
      H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), doing);
  checked(H5Awrite(attribute.id(), type, value), doing);
}

Attribute open(hid_t object, const std::string& name) {
  return {H5Aopen(object, name.c_str(), H5P_DEFAULT), "open attribute " + name};
}

}  // namespace

void set_attribute(hid_t object, const std::string& name, const std::string& text) {
  const char* pointer = text.c_str();
  write(object, name, text_type().id(), scalar_space(), &pointer);
}

void set_attribute(hid_t object, const std::string& name, const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(text.c_str());
  }
  write(object, name, text_type().id(), simple_space({texts.size()}), pointers.data());
}

void set_attribute(hid_t object, const std::string& name, std::int64_t value) {
  write(object, name, H5T_NATIVE_INT64, scalar_space(), &value);
}

void set_attribute(hid_t object, const std::string& name, std::uint64_t value) {
  write(object, name, H5T_NATIVE_UINT64, scalar_space(), &value);
}

void set_attribute(hid_t object, const std::string& name, double value) {
  write(object, name, H5T_NATIVE_DOUBLE, scalar_space(), &value);
}

void set_flag(hid_t object, const std::string& name, bool value) {
  const std::int8_t number = value ? 1 : 0;
  write(object, name, bool_type().id(), scalar_space(), &number);
}

std::string text_attribute(hid_t object, const std::string& name) {
  const std::vector<std::string> texts = texts_attribute(object, name);
  if (texts.size() != 1) {
    throw Failure("attribute " + name + " is not one text");
  }
  return texts.front();
}

std::vector<std::string> texts_attribute(hid_t object, const std::string& name) {
  const Attribute attribute = open(object, name);
  const Dataspace space(H5Aget_space(attribute.id()), "space of attribute " + name);
  const auto count = checked(H5Sget_simple_extent_npoints(space.id()), "size of attribute");
  const Datatype type = text_type();
  std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
  checked(H5Aread(attribute.id(), type.id(), pointers.data()), "read attribute " + name);
  std::vector<std::string> texts;
  for (const char* text : pointers) {
    texts.emplace_back(text == nullptr ? "" : text);
  }
  checked(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, pointers.data()), "free texts");
  return texts;
}

std::int64_t integer_attribute(hid_t object, const std::string& name) {
  const Attribute attribute = open(object, name);
  const Dataspace space(H5Aget_space(attribute.id()), "space of attribute " + name);
  std::int64_t value = 0;
  if (H5Sget_simple_extent_npoints(space.id()) != 1) {
    throw Failure("attribute " + name + " is not one number");
  }
  checked(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), "read attribute " + name);
  return value;
}

}  // namespace headscope::h5
