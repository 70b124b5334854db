#include "cli/head_set.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "analyses/edges/circuit_graph.h"
#include "analyses/head_detectors/atlas.h"
#include "analyses/head_detectors/atlas_list.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

std::string joined_heads(const std::vector<HeadId>& heads, const std::string& where) {
  if (heads.empty()) {
    throw UsageError("--heads {}: no heads in it", where);
  }
  std::string text;
  for (const HeadId& head : heads) {
    text += (text.empty() ? "" : ",") + to_string(head);
  }
  return text;
}

// "list.json:10" → its file and 10.
struct TopOf {
  std::string where;
  std::optional<std::int64_t> count;
};
TopOf top_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  if (colon != std::string::npos) {
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, count);
    if (error == std::errc() && stop == end && count > 0) {
      return {text.substr(0, colon), count};
    }
  }
  return {text, std::nullopt};
}

std::vector<HeadId> heads_of_circuit(const std::string& path) {
  const CircuitGraph circuit = read_circuit_graph(path);
  const std::vector<bool> nodes = nodes_of(circuit.graph, circuit.edges);
  std::vector<HeadId> heads;
  for (std::size_t writer = 0; writer < nodes.size(); ++writer) {
    const Node node = circuit.graph.writer_node(static_cast<std::int64_t>(writer));
    if (nodes[writer] && node.kind == Node::Kind::head) {
      heads.push_back({node.layer, node.head});
    }
  }
  return heads;
}

// Of an atlas the heads with the detector's role.
std::optional<std::vector<HeadId>> heads_of_role(const std::string& where) {
  const std::size_t colon = where.rfind(".h5:");
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  (void)read_any_head_list(where);  // refuses a detector that it lacks
  return read_atlas(where.substr(0, colon + 3)).find(where.substr(colon + 4))->with_role();
}

bool is_circuit_graph(const std::string& path) {
  if (!path_exists(path) || is_folder(path)) {
    return false;
  }
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  return begins_as_json(text, R"({"cfg":)");
}

}  // namespace

std::string head_set_text(const std::string& text) {
  if (text.find_first_not_of("0123456789.,") == std::string::npos) {
    return text;  // parse_head_set() reads it
  }
  const TopOf choice = top_of(text);
  if (choice.count) {
    const HeadList list = read_any_head_list(choice.where);
    std::vector<HeadId> heads = ranked_heads(list.scores);
    heads.resize(std::min(heads.size(), static_cast<std::size_t>(*choice.count)));
    return joined_heads(heads, text);
  }
  if (const auto heads = heads_of_role(text)) {
    return joined_heads(*heads, text);
  }
  if (is_circuit_graph(text)) {
    return joined_heads(heads_of_circuit(text), text);
  }
  (void)read_any_head_list(text);
  throw UsageError("--heads {0}: a list of all heads; {0}:10 takes the 10 highest", text);
}

}  // namespace headscope
