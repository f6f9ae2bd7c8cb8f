#include "plugin/mapping/summary_html.h"

#include <algorithm>

#include <fmt/format.h>

#include "fhir/markup.h"
#include "plugin/safe_text.h"
#include "rules/tier.h"

namespace myoflag::mapping {

namespace {

using rules::Line;
using rules::Section;

// Contrast of text on white is at least 7 to 1. The tier is told in words; colour only repeats it.
constexpr std::string_view kStyle = R"(
:root{color-scheme:light}
body{margin:0 auto;max-width:46rem;padding:1rem;background:#fff;color:#1a1a1a;
font:100%/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
header{border-left:.6rem solid #555;padding:.1rem 0 .1rem .8rem;margin-bottom:.8rem}
.emergency header{border-color:#a40000}
.urgent header{border-color:#b35900}
.soon header{border-color:#7a6a00}
.routine header{border-color:#2b5c8a}
.self-care header{border-color:#2f6b2f}
h1{font-size:1.4rem;margin:0}
h2{font-size:1.05rem;margin:1rem 0 .3rem}
p{margin:.2rem 0}
ul{margin:.2rem 0;padding-left:1.2rem}
li{margin:.15rem 0}
.basis,.quiet{color:#454545;font-size:.85em}
.strong{font-weight:600}
.quote{white-space:pre-line;overflow-wrap:anywhere;quotes:none;border-left:.2rem solid #999;padding-left:.4rem}
footer{border-top:1px solid #999;margin-top:1rem;font-size:.85em;color:#333}
footer h2,.minor h2{font-size:1em}
.minor{font-size:.85em}
@page{margin:12mm}
@media print{body{max-width:none;padding:0;font-size:9.5pt;line-height:1.3}h2{break-after:avoid}
li,p{break-inside:avoid}}
)";

std::string_view class_of(Line::Style style) {
  switch (style) {
    case Line::Style::plain:
      return "";
    case Line::Style::strong:
      return "strong";
    case Line::Style::quote:
      return "quote";
    case Line::Style::quiet:
      return "quiet";
  }
  return "";
}

std::string line_html(const Line& line) {
  const auto name = class_of(line.style);
  std::string html = html_escaped(line.text);
  if (line.style == Line::Style::quote) {
    html = fmt::format("<q class=\"quote\">{}</q>", html);
  } else if (!name.empty()) {
    html = fmt::format("<span class=\"{}\">{}</span>", name, html);
  }
  if (!line.basis.empty()) {
    html += fmt::format(" <span class=\"basis\">({})</span>", html_escaped(line.basis));
  }
  return html;
}

// Lines with their indents as nested lists. A line is never more than one level deeper than the one
// before it.
std::string list_html(const std::vector<Line>& lines) {
  std::string html;
  int depth = 0;
  for (const auto& line : lines) {
    const int wanted = std::clamp(line.indent + 1, 1, depth + 1);
    for (; depth > wanted; --depth) {
      html += "</li></ul>\n";
    }
    if (depth == wanted) {
      html += "</li>\n";
    } else {
      html += "\n<ul>\n";
      ++depth;
    }
    html += "<li>" + line_html(line);
  }
  for (; depth > 0; --depth) {
    html += "</li></ul>\n";
  }
  return html;
}

std::string paragraphs_html(const std::vector<Line>& lines) {
  std::string html;
  for (const auto& line : lines) {
    html += "<p>" + line_html(line) + "</p>\n";
  }
  return html;
}

std::string heading(const Section& section, std::string_view id) {
  return section.title.empty()
             ? ""
             : fmt::format("<h2 id=\"{}\">{}</h2>\n", id, html_escaped(section.title));
}

std::string headline_html(const Section& section) {
  std::vector<Line> rest = section.lines;
  std::string title = html_escaped(section.title);
  if (title.empty() && !rest.empty()) {
    title = line_html(rest.front());
    rest.erase(rest.begin());
  }
  return fmt::format("<header>\n<h1>{}</h1>\n{}</header>\n", title, paragraphs_html(rest));
}

std::string section_html(const Section& section, std::size_t number) {
  const auto id = fmt::format("s{}", number);
  const auto label =
      section.title.empty() ? std::string() : fmt::format(" aria-labelledby=\"{}\"", id);
  const bool minor =
      section.kind == Section::Kind::excluded || section.kind == Section::Kind::sources;
  return fmt::format("<section{}{}>\n{}{}</section>\n", minor ? " class=\"minor\"" : "", label,
                     heading(section, id), list_html(section.lines));
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  fhir::append_html(escaped, safe_text(text));
  return escaped;
}

std::string summary_html(const rules::Explanation& explanation, std::string_view title) {
  std::string head, body, foot;
  std::size_t number = 0;
  for (const auto& section : explanation.sections) {
    ++number;
    if (section.kind == Section::Kind::headline) {
      head += headline_html(section);
    } else if (section.kind == Section::Kind::provenance) {
      foot += heading(section, fmt::format("s{}", number)) + paragraphs_html(section.lines);
    } else {
      body += section_html(section, number);
    }
  }
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html +=
      fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n", html_escaped(title), kStyle);
  html += fmt::format("<body class=\"{}\">\n{}<main>\n{}</main>\n",
                      rules::code_of(explanation.tier), head, body);
  if (!foot.empty()) {
    html += fmt::format("<footer>\n{}</footer>\n", foot);
  }
  return html + "</body>\n</html>\n";
}

std::string summary_html(const rules::Assessment& assessment) {
  const auto& tier = assessment.knowledge->tiers[static_cast<std::size_t>(assessment.tier)];
  // A page in a record has no switch for more: nothing is shortened.
  return summary_html(rules::explain_for_clinician(assessment, {.all = true}),
                      fmt::format("{}: {}", assessment.knowledge->title, tier.label));
}

}  // namespace myoflag::mapping
