// What a needle is hidden in, and the needles: ours (data/haystack, compiled in) or a user's.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace headscope {

struct Needle {
  std::string needle;    // the sentence as it is inserted, white space included
  std::string question;  // asked behind the haystack
  std::string answer;    // the clause of the needle that answers it
};

// The texts of data/haystack, one after the other.
std::string own_haystack();
std::vector<Needle> own_needles();

// The whole of a text file. DataError if it cannot be read or is empty.
std::string read_haystack(const std::filesystem::path& path);

// A JSON list of {"needle", "question", "answer"}, or one such object a line; the published files'
// "real_needle" is taken for "answer". Throws DataError naming the file and the entry: a key
// missing or unknown, or an answer that is no part of its needle.
std::vector<Needle> read_needles(const std::filesystem::path& path);

}  // namespace headscope
