// Build tool: a folder of knowledge files -> a C++ source with its snapshot. Every problem goes to
// standard error, and then there is no source, so that no program is built with knowledge that has
// one.
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "plugin/knowledge/knowledge.h"
#include "rules/snapshot.h"

namespace {

constexpr std::size_t kBytesInALine = 32;

// Octal escapes end after three digits whatever follows, unlike hexadecimal ones.
std::string as_literals(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kBytesInALine) {
    out += "    \"";
    for (const char c : bytes.substr(at, kBytesInALine)) {
      out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    out += "\"\n";
  }
  return out;
}

int compile(const char* folder, const char* target) {
  const auto knowledge = myoflag::knowledge_from_folder(folder);
  if (!knowledge) {
    for (const auto& problem : knowledge.error()) {
      fmt::print(stderr, "{}", myoflag::rules::to_text(problem));
    }
    return 1;
  }
  const std::string bytes = myoflag::rules::write_snapshot(**knowledge);
  std::ofstream out(target, std::ios::binary | std::ios::trunc);
  out << "#include \"plugin/knowledge/snapshot_bytes.h\"\n\nnamespace myoflag {\nnamespace {\n\n"
      << "constexpr char kBytes[] =\n"
      << as_literals(bytes) << ";\n\n}  // namespace\n\n"
      << "std::string_view embedded_snapshot() { return {kBytes, sizeof(kBytes) - 1}; }\n\n"
      << "}  // namespace myoflag\n";
  out.close();
  if (!out) {
    fmt::print(stderr, "cannot write {}\n", target);
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: myoflag_knowledge_compiler FOLDER SOURCE.cpp\n");
    return 2;
  }
  try {
    return compile(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
