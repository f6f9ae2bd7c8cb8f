// The patient's own words, and what must be known about the answers themselves.
#include <set>

#include "rules/explain/page.h"

namespace myoflag::rules::explaining {
namespace {

bool is_conflict(Notice::Kind kind) {
  return kind == Notice::Kind::conflict || kind == Notice::Kind::contradiction ||
         kind == Notice::Kind::vanished || kind == Notice::Kind::denied;
}

// Said already elsewhere: in the headline, or beside the patient's words.
bool is_placed(const Page& page, Notice::Kind kind) {
  return kind == Notice::Kind::check_now ||
         (kind == Notice::Kind::nothing_matched && page.groups().empty()) ||
         (kind == Notice::Kind::free_text && !page.assessment().input->free_text.empty());
}

Lines notices_that(const Page& page, bool conflict) {
  Lines lines;
  std::set<std::string_view> said;
  for (const Notice& notice : page.assessment().notices) {
    const bool here = is_conflict(notice.kind) == conflict && !is_placed(page, notice.kind);
    if (here && said.insert(notice.text).second) {
      lines.push_back(line(notice.text));
    }
  }
  return lines;
}

}  // namespace

Lines patient_words(const Page& page) {
  Lines lines;
  for (const FreeText& free : page.assessment().input->free_text) {
    if (free.item >= 0) {
      lines.push_back(line(page.knowledge().items[static_cast<std::size_t>(free.item)].label));
    }
    lines.push_back(line(free.text, {}, 1, Line::Style::quote));
  }
  if (!lines.empty()) {
    lines.push_back(line(page.say("explain-words-unread"), {}, 0, Line::Style::quiet));
  }
  return lines;
}

Lines conflicts(const Page& page) { return notices_that(page, true); }

Lines notices(const Page& page) { return notices_that(page, false); }

}  // namespace myoflag::rules::explaining
