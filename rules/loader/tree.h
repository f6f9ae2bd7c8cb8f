#pragma once
// A YAML file as a tree in which every node knows its place. Anchors, aliases, tags, several
// documents, deep nesting, large files and bytes that are not UTF-8 text are refused: knowledge is
// plain data.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/problem.h"

namespace myoflag::rules::loading {

inline constexpr std::size_t kMaxFileBytes = std::size_t{4} * 1024 * 1024;
inline constexpr int kMaxDepth = 16;

struct Document;

struct Node {
  enum class Kind { null, scalar, sequence, map };
  struct Field;

  Kind kind = Kind::null;
  bool quoted = false;     // a scalar in quotes or a block
  std::string text;        // of a scalar; of null as written
  std::size_t offset = 0;  // in bytes, in the file
  std::vector<Node> items;
  std::vector<Field> fields;
  const Document* document = nullptr;

  const Node* find(std::string_view key) const;  // the first field of that name
};

struct Node::Field {
  Node key, value;
};

// `file` and `bytes` outlive the nodes: documents are kept until loading ends.
struct Document {
  std::string file;
  std::string bytes;
  Node root;
  std::vector<std::size_t> line_begins;  // offsets, once read
  bool complete = false;  // read to its end; otherwise names it would hold are unknown to us
};

// Appends what is wrong to `problems`.
void read_document(Document& document, Problems& problems);

// The byte in the file that holds byte `index` of the scalar's text: escapes, line folding and
// indentation undone. Where that cannot be found, the place of the scalar.
std::size_t place_in(const Node& scalar, std::size_t index);

Problem problem_at(const Document& document, std::size_t offset, std::string code,
                   std::string text);

}  // namespace myoflag::rules::loading
