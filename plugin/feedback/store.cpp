#include "plugin/feedback/store.h"

#include <array>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "plugin/store/file.h"

namespace myoflag::feedback {
namespace {

using store::Columns;
using store::Write;

constexpr std::int64_t application = 0x4d796f32;  // "Myo2"
constexpr std::array<const char*, 1> migrations{
    "CREATE TABLE card(uuid TEXT PRIMARY KEY, kind TEXT NOT NULL, tier TEXT NOT NULL,"
    " lead TEXT NOT NULL, rules TEXT NOT NULL, knowledge TEXT NOT NULL, day INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE feedback(id INTEGER PRIMARY KEY, card TEXT NOT NULL,"
    " outcome TEXT NOT NULL CHECK(outcome IN ('accepted','overridden')), at INTEGER NOT NULL,"
    " reason TEXT NOT NULL, commented INTEGER NOT NULL, day INTEGER NOT NULL,"
    " UNIQUE(card, outcome, at));"
    "CREATE TABLE suggestion(feedback INTEGER NOT NULL REFERENCES feedback(id) ON DELETE CASCADE,"
    " uuid TEXT NOT NULL, PRIMARY KEY(feedback, uuid)) WITHOUT ROWID;"};

// More than a large site has clinicians' clicks in a lifetime; a client that runs wild ends there.
constexpr std::int64_t most_feedback = 20'000'000;

constexpr std::array<const char*, 3> kinds{"assessment", "unreadable", "offer"};

std::int64_t number_of(Day day) { return day.time_since_epoch().count(); }

cds::ShownCard::Kind kind_of(std::string_view word) {
  return word == kinds[2]   ? cds::ShownCard::Kind::offer
         : word == kinds[1] ? cds::ShownCard::Kind::unreadable
                            : cds::ShownCard::Kind::assessment;
}

std::string joined(const std::vector<std::string>& rules) {
  std::string text;
  for (const auto& rule : rules) {
    text += (text.empty() ? "" : " ") + rule;
  }
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> rules;
  for (std::string rule; words >> rule;) {
    rules.push_back(std::move(rule));
  }
  return rules;
}

const char* word_of(Outcome outcome) {
  return outcome == Outcome::accepted ? "accepted" : "overridden";
}

}  // namespace

struct Store::State : store::File {};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

Result<Store> Store::open(const std::string& path) {
  auto state = std::make_unique<State>();
  if (auto opened = state->open(path, {application, migrations, store::kDurableSoon}); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return Store(std::move(state));
}

Done Store::show(const std::vector<cds::ShownCard>& cards, Day day) {
  Write write(*state_);
  for (const auto& card : cards) {
    const std::string lead = card.rules.empty() ? "" : card.rules.front();
    const auto rules = joined(card.rules);
    const std::string kind = kinds[static_cast<std::size_t>(card.kind)];
    write.change(
        "INSERT INTO card(uuid,kind,tier,lead,rules,knowledge,day) VALUES(?,?,?,?,?,?,?)"
        " ON CONFLICT DO NOTHING",
        card.uuid, kind, card.tier, lead, rules, card.knowledge, number_of(day));
  }
  return write.commit();
}

Result<Kept> Store::keep(const std::vector<Feedback>& feedback, Day day) {
  Write write(*state_);
  const auto last = state_->number("SELECT MAX(id) FROM feedback");
  if (!last) {
    return tl::unexpected(last.error());
  }
  if (**last >= most_feedback) {
    return tl::unexpected(Failure{Exit::outside, "MF-3110: the store takes no more feedback"});
  }
  Kept kept;
  for (const auto& one : feedback) {
    const std::string outcome = word_of(one.outcome);
    const auto before = state_->number(
        "SELECT id FROM feedback WHERE card=? AND outcome=? AND at=?", one.card, outcome, one.at);
    const auto known = state_->number("SELECT 1 FROM card WHERE uuid=?", one.card);
    if (!before || !known) {
      return tl::unexpected(before ? known.error() : before.error());
    }
    kept.strangers += *known ? 0U : 1U;
    auto id = before->value_or(0);
    if (*before) {
      write.change(
          "UPDATE feedback SET reason=CASE WHEN reason='' THEN ? ELSE reason END,"
          " commented=MAX(commented,?) WHERE id=?",
          one.reason, one.has_comment ? 1 : 0, id);
    } else {
      ++kept.fresh;
      id = write.added(
          "INSERT INTO feedback(card,outcome,at,reason,commented,day) VALUES(?,?,?,?,?,?)"
          " RETURNING id",
          one.card, outcome, one.at, one.reason, one.has_comment ? 1 : 0, number_of(day));
    }
    for (const auto& suggestion : one.suggestions) {
      write.change("INSERT INTO suggestion(feedback,uuid) VALUES(?,?) ON CONFLICT DO NOTHING", id,
                   suggestion);
    }
  }
  return write.commit().map([&] { return kept; });
}

Done Store::forget_before(Day day) {
  Write write(*state_);
  write.change(
      "DELETE FROM feedback WHERE day<? AND NOT EXISTS(SELECT 1 FROM card WHERE uuid=card)",
      number_of(day));
  write.change(
      "DELETE FROM card WHERE day<? AND NOT EXISTS(SELECT 1 FROM feedback WHERE card=uuid)",
      number_of(day));
  return write.commit();
}

Result<std::vector<Group>> Store::groups(Day since) {
  return state_->all(
      [](const Columns& row) {
        return Group{kind_of(row.text(0)), split(row.text(1)), row.number(2),
                     row.number(3),        row.number(4),      row.number(5)};
      },
      "SELECT kind, rules, COUNT(*), SUM(a), SUM(o), SUM(MAX(a,o)) FROM"
      " (SELECT kind, rules,"
      "  EXISTS(SELECT 1 FROM feedback WHERE card=uuid AND outcome='accepted') AS a,"
      "  EXISTS(SELECT 1 FROM feedback WHERE card=uuid AND outcome='overridden') AS o"
      "  FROM card WHERE day>=?) GROUP BY kind, rules ORDER BY kind, rules",
      number_of(since));
}

Result<std::vector<Reason>> Store::reasons(Day since) {
  return state_->all(
      [](const Columns& row) {
        return Reason{row.text(0), row.text(1), row.number(2)};
      },
      "SELECT c.lead, f.reason, COUNT(DISTINCT f.card) FROM feedback f JOIN card c ON"
      " c.uuid=f.card WHERE f.outcome='overridden' AND c.day>=? AND c.kind='assessment'"
      " GROUP BY c.lead, f.reason ORDER BY c.lead, COUNT(DISTINCT f.card) DESC, f.reason",
      number_of(since));
}

Result<std::vector<Taken>> Store::taken(Day since) {
  return state_->all(
      [](const Columns& row) {
        return Taken{row.text(0), row.text(1), row.text(2)};
      },
      "SELECT DISTINCT c.uuid, s.uuid, c.lead FROM suggestion s JOIN feedback f ON f.id=s.feedback"
      " JOIN card c ON c.uuid=f.card WHERE c.day>=? AND c.kind='assessment'"
      " ORDER BY c.uuid, s.uuid",
      number_of(since));
}

Result<std::vector<Answered>> Store::answered() {
  return state_->all(
      [](const Columns& row) {
        return Answered{
            row.text(0),
            row.text(1) == word_of(Outcome::accepted) ? Outcome::accepted : Outcome::overridden,
            row.number(2)};
      },
      "SELECT c.lead, f.outcome, COUNT(DISTINCT f.card) FROM feedback f JOIN card c ON"
      " c.uuid=f.card WHERE c.kind='assessment' GROUP BY c.lead, f.outcome ORDER BY 1, 2");
}

Result<std::uint64_t> Store::strangers() {
  return state_
      ->number(
          "SELECT COUNT(DISTINCT card) FROM feedback WHERE NOT EXISTS(SELECT 1 FROM card"
          " WHERE uuid=card)")
      .map([](auto&& count) { return static_cast<std::uint64_t>(*count); });
}

}  // namespace myoflag::feedback
