// Every way a safetensors file can be broken has its message.
#include "lib/base/error.h"
#include "lib/weights/weight_source.h"
#include "tests/support/catch.h"
#include "tests/weights/file_bytes.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

namespace {

void check_safetensors_errors_fails(const std::string& bytes, const std::string& message) {
  const TemporaryDirectory folder;
  folder.write("model.safetensors", bytes);
  CHECK_THROWS_AS(open_safetensors(folder.path()), DataError);
  CHECK_THROWS_WITH(
      open_safetensors(folder.path()),
      contains("model.safetensors: ") && contains(message) && contains("download it again"));
}

// One tensor "w" whose entry has these members, over eight bytes of data.
void check_entry_fails(const std::string& members, const std::string& message) {
  check_safetensors_errors_fails(safetensors(R"({"w":{)" + members + "}}", std::string(8, '\0')),
                                 message);
}

}  // namespace

TEST_CASE("header lengths that leave the file") {
  check_safetensors_errors_fails("", "0 bytes are too few");
  check_safetensors_errors_fails("1234567", "7 bytes are too few");
  check_safetensors_errors_fails(raw(std::uint64_t{1} << 63),
                                 "a header of 9223372036854775808 bytes in a file of 8");
  check_safetensors_errors_fails(raw(~std::uint64_t{0}) + "{}",
                                 "a header of 18446744073709551615 bytes");
  check_safetensors_errors_fails(raw(std::uint64_t{3}) + "{}",
                                 "a header of 3 bytes in a file of 10");
  check_safetensors_errors_fails("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer");
}

TEST_CASE("headers that are no JSON object") {
  check_safetensors_errors_fails(safetensors("", ""), "malformed JSON");
  check_safetensors_errors_fails(safetensors("{", ""), "malformed JSON");
  check_safetensors_errors_fails(safetensors("{}{}", ""), "malformed JSON");
  check_safetensors_errors_fails(safetensors("{\"\xff\":1}", ""), "malformed JSON");
  check_safetensors_errors_fails(safetensors("[]", ""), "the JSON is no object");
  check_safetensors_errors_fails(safetensors(std::string(1000, '['), ""), "nested deeper than");
  const std::string w = R"("w":{"dtype":"F32","shape":[],"data_offsets":[0,4]})";
  check_safetensors_errors_fails(safetensors("{" + w + "," + w + "}", "1234"),
                                 "the key \"w\" stands twice");
}

TEST_CASE("entries with missing or mis-typed members") {
  check_safetensors_errors_fails(safetensors(R"({"w":3})", ""), "tensor 'w': no field \"dtype\"");
  check_entry_fails(R"("dtype":"F32","shape":[2])", "no field \"data_offsets\"");
  check_entry_fails(R"("dtype":1,"shape":[2],"data_offsets":[0,8])", "dtype is no string");
  check_entry_fails(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])", "unknown dtype 'F31'");
  check_entry_fails(R"("dtype":"F32","shape":2,"data_offsets":[0,8])", "shape is no array");
  check_entry_fails(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])", "no whole number");
  check_entry_fails(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])", "no whole number");
  check_entry_fails(R"("dtype":"F32","shape":[2],"data_offsets":[8])", "no pair of numbers");
  check_entry_fails(R"("dtype":"F32","shape":[2],"data_offsets":[0,"8"])", "no whole number");
}

TEST_CASE("offsets that fit neither the shape nor the file") {
  const std::string w = R"("dtype":"F32","shape":)";
  check_entry_fails(w + R"([2],"data_offsets":[8,0])", "begin at 8 and end at 0");
  check_entry_fails(w + R"([3],"data_offsets":[0,8])",
                    "8 bytes of data, but its shape [3] in F32 takes 12");
  check_entry_fails(w + R"([4],"data_offsets":[0,16])", "ends at byte 16 of the 8 bytes of data");
  check_entry_fails(w + R"([1],"data_offsets":[4,8])", "leaves a hole");
  check_entry_fails(w + R"([1],"data_offsets":[0,4])", "4 bytes follow the last tensor");
  check_entry_fails(w + R"([4294967296,4294967296],"data_offsets":[0,8])", "overflows 64 bits");
  check_entry_fails(w + R"([9223372036854775807],"data_offsets":[0,8])",
                    "no whole number of bytes");
  check_entry_fails(w + R"([18446744073709551615],"data_offsets":[0,8])", "overflows 64 bits");
  check_entry_fails(w + R"([0,4294967296,4294967296],"data_offsets":[0,0])", "overflows 64 bits");
  check_entry_fails(w + R"([2],"data_offsets":[18446744073709551608,18446744073709551615])",
                    "7 bytes of data");
  check_entry_fails(w + R"([2],"data_offsets":[18446744073709551607,18446744073709551615])",
                    "leaves a hole");
}

TEST_CASE("safetensors entries that overlap") {
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})";
  check_safetensors_errors_fails(safetensors(header, std::string(12, '\0')), "tensor 'b' overlaps");
}

TEST_CASE("names out of broken files stay on one line") {
  const std::string header = R"({"a\nb)" + std::string(500, 'x') + R"(":{}})";
  check_safetensors_errors_fails(safetensors(header, ""), R"(tensor 'a\x0abxxx)");
}
