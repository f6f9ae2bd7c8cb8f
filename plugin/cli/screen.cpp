#include "plugin/cli/screen.h"

#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace myoflag::cli {
namespace {

using rules::Line;
using rules::Section;

constexpr int kMinWidth = 40;
constexpr int kMaxWidth = 100;  // longer lines are hard to read
constexpr int kPlainWidth = 80;

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";

std::string_view colour_of(rules::Tier tier) {
  switch (tier) {
    case rules::Tier::emergency:
      return "\x1b[1;37;41m";
    case rules::Tier::urgent:
      return "\x1b[1;31m";
    case rules::Tier::soon:
      return "\x1b[1;33m";
    case rules::Tier::routine:
      return "\x1b[1;36m";
    case rules::Tier::self_care:
      return "\x1b[1;32m";
  }
  return kBold;
}

int width_of(char32_t c) {
  const bool combining = c >= 0x0300 && c <= 0x036F;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                    (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return combining ? 0 : wide ? 2 : 1;
}

int width_of(std::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = rune_at(text, i);
    width += rune.length == 0 ? 1 : width_of(rune.value);
    i += std::max<std::size_t>(rune.length, 1);
  }
  return width;
}

// Cuts a word that is wider than a whole line.
std::vector<std::string> pieces(std::string_view word, int room) {
  std::vector<std::string> result(1);
  int used = 0;
  for (std::size_t i = 0; i < word.size();) {
    const Rune rune = rune_at(word, i);
    const std::size_t length = std::max<std::size_t>(rune.length, 1);
    const int width = rune.length == 0 ? 1 : width_of(rune.value);
    if (used + width > room && used > 0) {
      result.emplace_back();
      used = 0;
    }
    result.back() += word.substr(i, length);
    used += width;
    i += length;
  }
  return result;
}

struct Word {
  std::string text;
  bool basis = false;  // printed quietly
};

class Painter {
 public:
  explicit Painter(const Screen& screen) : screen_(screen) {}

  void blank() { out_ += '\n'; }

  void title(std::string_view text) {
    paint(kBold, text);
    out_ += '\n';
  }

  void banner(std::string_view text, rules::Tier tier) {
    const std::vector<std::string> rows = wrap(text, screen_.width);
    for (const std::string& row : rows) {
      paint(colour_of(tier), row);
      out_ += '\n';
    }
  }

  void line(const Line& line, int base) {
    const int indent = base + 2 * line.indent;
    std::string_view rest = line.text;
    do {
      const std::size_t end = rest.find('\n');
      const std::string_view row = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      row_of(row, rest.empty() ? line.basis : std::string(), indent, line.style);
    } while (!rest.empty());
  }

  std::string take() { return std::move(out_); }

 private:
  std::vector<std::string> wrap(std::string_view text, int width) const {
    std::vector<std::string> rows(1);
    for (const std::string& word : words(text, width)) {
      const bool fits = rows.back().empty() || width_of(rows.back()) + 1 + width_of(word) <= width;
      if (!fits) {
        rows.emplace_back();
      }
      rows.back() += (rows.back().empty() ? "" : " ") + word;
    }
    return rows;
  }

  static std::vector<std::string> words(std::string_view text, int room) {
    const std::string safe = safe_text(text);
    std::vector<std::string> result;
    std::size_t start = 0;
    while (start < safe.size()) {
      const std::size_t end = std::min(safe.find_first_of(" \t", start), safe.size());
      if (end > start) {
        for (std::string& piece : pieces(std::string_view(safe).substr(start, end - start), room)) {
          result.push_back(std::move(piece));
        }
      }
      start = end + 1;
    }
    return result;
  }

  // The row, then what it rests on in square brackets, wrapped as one text.
  void row_of(std::string_view text, std::string_view basis, int indent, Line::Style style) {
    const std::string lead = style == Line::Style::quote ? "| " : "";
    const int room = std::max(screen_.width - indent - width_of(lead), 20);
    std::vector<Word> all;
    for (std::string& word : words(text, room)) {
      all.push_back({std::move(word), false});
    }
    if (!basis.empty()) {
      for (std::string& word : words(fmt::format("[{}]", basis), room)) {
        all.push_back({std::move(word), true});
      }
    }
    std::size_t at = 0;
    do {
      std::string plain;
      std::string quiet;
      int used = 0;
      for (; at < all.size(); ++at) {
        const int width = width_of(all[at].text) + (used > 0 ? 1 : 0);
        if (used > 0 && used + width > room) {
          break;
        }
        std::string& part = all[at].basis ? quiet : plain;
        part += (used > 0 ? " " : "") + all[at].text;
        used += width;
      }
      out_.append(static_cast<std::size_t>(indent), ' ');
      out_ += lead;
      paint(style == Line::Style::strong ? kBold : style == Line::Style::quiet ? kDim : "", plain);
      paint(kDim, quiet);
      out_ += '\n';
    } while (at < all.size());
  }

  void paint(std::string_view colour, std::string_view text) {
    if (!screen_.colour || colour.empty() || text.empty()) {
      out_ += text;
      return;
    }
    out_ += colour;
    out_ += text;
    out_ += kReset;
  }

  Screen screen_;
  std::string out_;
};

bool wants_colour(Colour wish, bool terminal) {
  if (wish != Colour::automatic) {
    return wish == Colour::always;
  }
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = no_colour != nullptr && *no_colour != '\0';
  return terminal && !refused && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Screen screen(Colour wish) {
  Screen result;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  result.colour = wants_colour(wish, terminal);
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    result.width = std::clamp(static_cast<int>(size.ws_col), kMinWidth, kMaxWidth);
  } else {
    result.width = kPlainWidth;
  }
  return result;
}

std::string draw(const rules::Explanation& explanation, const Screen& screen) {
  Painter painter(screen);
  bool first = true;
  for (const Section& section : explanation.sections) {
    if (!first) {
      painter.blank();
    }
    first = false;
    if (!section.title.empty()) {
      painter.title(section.title);
    }
    const bool headline = section.kind == Section::Kind::headline;
    for (std::size_t i = 0; i < section.lines.size(); ++i) {
      if (headline && i == 0) {
        painter.banner(section.lines[0].text, explanation.tier);
      } else {
        painter.line(section.lines[i], headline ? 0 : 2);
      }
    }
  }
  const auto has = [&](const auto& wanted) {
    return std::any_of(explanation.sections.begin(), explanation.sections.end(), wanted);
  };
  const bool names_sources = has([](const Section& one) {
    return std::any_of(one.lines.begin(), one.lines.end(),
                       [](const auto& line) { return !line.basis.empty(); });
  });
  const bool has_sources =
      has([](const Section& one) { return one.kind == Section::Kind::sources; });
  if (explanation.shortened || (names_sources && !has_sources)) {
    painter.blank();
    painter.line({explanation.shortened
                      ? "Some lists are shortened; --all shows them whole, and the sources in full."
                      : "--all shows the sources in full.",
                  {},
                  0,
                  Line::Style::quiet},
                 0);
  }
  return painter.take();
}

std::string draw(const rules::PatientText& text, rules::Tier tier, const Screen& screen) {
  Painter painter(screen);
  painter.banner(text.headline, tier);
  for (const std::string& paragraph : text.paragraphs) {
    painter.blank();
    painter.line({paragraph, {}, 0, Line::Style::plain}, 0);
  }
  return painter.take();
}

}  // namespace myoflag::cli
