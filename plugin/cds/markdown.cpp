#include "plugin/cds/markdown.h"

#include <algorithm>

#include "plugin/safe_text.h"

namespace myoflag::cds {
namespace {

using rules::Line;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What means something only at the beginning of a line: "- ", "# ", "1. ".
std::size_t at_line_start(std::string_view text) {
  if (!text.empty() && std::string_view("-+=#").find(text.front()) != std::string_view::npos) {
    return 0;
  }
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) {
    ++digits;
  }
  const bool is_number =
      digits > 0 && digits < text.size() && (text[digits] == '.' || text[digits] == ')');
  return is_number ? digits : std::string_view::npos;
}

// "://", "www." and "@" become links by themselves.
bool begins_link(std::string_view text, std::size_t at) {
  if (text[at] == ':') {
    return text.substr(at).starts_with("://");
  }
  constexpr std::string_view www = "www";
  if (text[at] != '.' || at < www.size()) {
    return text[at] == '@';
  }
  const auto before = text.substr(at - www.size(), www.size());
  return std::equal(before.begin(), before.end(), www.begin(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

std::string escaped_line(std::string_view line) {
  constexpr std::string_view special = "\\`*_[]<>&|~!$";
  const auto start = at_line_start(line);
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (i == start || special.find(line[i]) != std::string_view::npos || begins_link(line, i)) {
      out += '\\';
    }
    out += line[i];
  }
  return out;
}

std::string quoted(std::string_view text, const std::string& indent) {
  std::string out;
  const std::string safe = safe_text(text);
  std::string_view rest = safe;
  while (true) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    // Blanks at the beginning of a line would make it code.
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    out += indent + "> " + escaped_line(line) + "  \n";
    if (end == std::string_view::npos) {
      return out;
    }
    rest.remove_prefix(end + 1);
  }
}

std::string line_text(const Line& line) {
  std::string text = markdown_escaped(line.text);
  if (line.style == Line::Style::strong) {
    text = "**" + text + "**";
  }
  if (!line.basis.empty()) {
    text += " _(" + markdown_escaped(line.basis) + ")_";
  }
  return text;
}

}  // namespace

std::string markdown_escaped(std::string_view text) {
  std::string line = safe_text(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::string_view rest = line;
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t')) {
    rest.remove_suffix(1);
  }
  return escaped_line(rest);
}

std::string markdown_lines(const std::vector<Line>& lines) {
  std::string out;
  int depth = 0;  // of the line before
  for (const auto& line : lines) {
    depth = std::clamp(line.indent, 0, out.empty() ? 0 : depth + 1);
    const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
    out += line.style == Line::Style::quote ? quoted(line.text, indent)
                                            : indent + "- " + line_text(line) + "\n";
  }
  return out;
}

std::string markdown_section(const rules::Section& section) {
  const std::string title =
      section.title.empty() ? std::string() : "**" + markdown_escaped(section.title) + "**\n\n";
  return title + markdown_lines(section.lines) + "\n";
}

}  // namespace myoflag::cds
