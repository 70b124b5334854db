// Examples of an atlas on disk.
#include "analyses/head_detectors/atlas_parts.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"

namespace headscope {
namespace {

// Pieces of tokens are raw bytes: as numbers, no HDF5 text or JSON can hold them all.
OrderedJson bytes_json(const std::vector<std::string>& pieces) {
  OrderedJson json = OrderedJson::array();
  for (const std::string& piece : pieces) {
    json.push_back(std::vector<int>());
    for (const char c : piece) {
      json.back().push_back(static_cast<unsigned char>(c));
    }
  }
  return json;
}

std::vector<std::string> pieces_of(const Json& json) {
  std::vector<std::string> pieces;
  for (const Json& bytes : json) {
    pieces.emplace_back();
    for (const Json& byte : bytes) {
      pieces.back().push_back(static_cast<char>(byte.get<int>()));
    }
  }
  return pieces;
}

}  // namespace

void write_examples(hid_t parent, const Atlas& atlas) {
  const h5::Group group = h5::create_group(parent, "examples");
  OrderedJson texts = OrderedJson::array();
  for (const auto& pieces : atlas.examples.texts) {
    texts.push_back(bytes_json(pieces));
  }
  OrderedJson attended = OrderedJson::array();
  for (const auto& list : atlas.examples.attended) {
    attended.push_back(OrderedJson::array());
    for (const Attended& each : list) {
      attended.back().push_back({each.text, each.query, each.key, each.weight});
    }
  }
  h5::set_attribute(group.id(), "texts", texts.dump());
  h5::set_attribute(group.id(), "attended", attended.dump());
  for (const ExamplePrompt& prompt : atlas.examples.prompts) {
    const h5::Dims dims{static_cast<hsize_t>(atlas.n_layers),
                        static_cast<hsize_t>(atlas.n_heads),
                        prompt.pieces.size(),
                        prompt.pieces.size()};
    const h5::Dataset maps = h5::create_contiguous(group.id(), prompt.name, H5T_STD_U8LE, dims);
    h5::set_attribute(maps.id(), "axes", std::vector<std::string>{"layer", "head", "query", "key"});
    h5::set_attribute(maps.id(), "pieces", bytes_json(prompt.pieces).dump());
    h5::write_rows(maps, H5T_NATIVE_UINT8, {0, dims[0]}, prompt.maps.data());
  }
}

Examples read_examples(hid_t parent, std::size_t heads) {
  Examples examples;
  const h5::Group group = h5::open_group(parent, "examples");
  for (const Json& text : stored_json(group.id(), "texts")) {
    examples.texts.push_back(pieces_of(text));
  }
  for (const Json& list : stored_json(group.id(), "attended")) {
    examples.attended.emplace_back();
    for (const Json& each : list) {
      examples.attended.back().push_back(
          {each.at(0).get<std::int64_t>(), each.at(1), each.at(2), each.at(3)});
      const Attended& last = examples.attended.back().back();
      if (last.text < 0 || last.text >= static_cast<std::int64_t>(examples.texts.size())) {
        throw h5::Failure("an example is of a text that is not there");
      }
    }
  }
  for (const std::string& name : h5::links(group)) {
    const h5::Dataset maps = h5::open_dataset(group.id(), name);
    ExamplePrompt prompt{.name = name, .pieces = pieces_of(stored_json(maps.id(), "pieces"))};
    const h5::Dims dims = h5::shape_of(maps);
    const std::size_t length = prompt.pieces.size();
    if (dims.size() != 4 || dims[0] * dims[1] != heads || dims[2] != length || dims[3] != length) {
      throw h5::Failure(name + " has an unexpected shape");
    }
    prompt.maps.resize(heads * length * length);
    h5::read_rows(maps, H5T_NATIVE_UINT8, {0, dims[0]}, prompt.maps.data());
    examples.prompts.push_back(std::move(prompt));
  }
  return examples;
}

}  // namespace headscope
