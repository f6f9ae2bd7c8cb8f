#include "plugin/store/inbox.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "plugin/store/outbox_file.h"

namespace myoflag::store {

namespace {

constexpr const char* kKeep =
    "INSERT INTO bookmark(name,value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET"
    " value=excluded.value";

std::string_view word_of(FoundState state) {
  switch (state) {
    case FoundState::found:
      return "found";
    case FoundState::fetched:
      return "fetched";
    case FoundState::judged:
      return "judged";
    case FoundState::ours:
      return "ours";
    case FoundState::parked:
      break;
  }
  return "parked";
}

FoundState state_of(std::string_view word) {
  for (const auto state :
       {FoundState::found, FoundState::fetched, FoundState::judged, FoundState::ours}) {
    if (word_of(state) == word) {
      return state;
    }
  }
  return FoundState::parked;
}

std::optional<std::int64_t> number_of(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) {
    return std::nullopt;
  }
  return value;
}

std::optional<Time> moment_of(const std::optional<std::string>& text) {
  const auto value = number_of(text);
  return value ? std::optional(time_of(*value)) : std::nullopt;
}

std::string text_of(Time time) { return std::to_string(seconds(time)); }

int insert(Write& write, const std::vector<NewFound>& page, Time now) {
  int taken = 0;
  for (const NewFound& one : page) {
    const auto state = one.code.empty() ? one.state : FoundState::parked;
    const bool is_kept = state != FoundState::ours && !one.response.empty();
    taken += write.change(
        "INSERT INTO inbox(source,version,state,since,response,code,reason) VALUES(?,?,?,?,?,?,?)"
        " ON CONFLICT DO NOTHING",
        one.source, one.version, word_of(state), seconds(now),
        is_kept ? packed(one.response) : std::string(), one.code, one.reason);
  }
  return taken;
}

}  // namespace

struct Inbox::State : File {
  Result<std::optional<std::string>> kept(const char* name) {
    return first([](const Columns& row) { return row.text(0); },
                 "SELECT value FROM bookmark WHERE name=?", std::string_view(name));
  }
};

Inbox::Inbox(std::unique_ptr<State> state) : state_(std::move(state)) {}
Inbox::~Inbox() = default;
Inbox::Inbox(Inbox&&) noexcept = default;

Result<Inbox> Inbox::open(const std::string& path, std::function<void()> at_write) {
  auto state = std::make_unique<State>();
  return open_outbox(*state, path, std::move(at_write)).map([&] {
    return Inbox(std::move(state));
  });
}

Result<Polling> Inbox::polling() {
  const auto bookmark = state_->kept("poll-bookmark");
  const auto done = state_->kept("poll-done");
  const auto begun = state_->kept("poll-begun");
  const auto failures = state_->kept("poll-failures");
  const auto not_before = state_->kept("poll-not-before");
  const auto why = state_->kept("poll-why");
  if (!bookmark || !done || !begun || !failures || !not_before || !why) {
    return tl::unexpected(state_->failure());
  }
  return Polling{*bookmark,
                 moment_of(*done),
                 moment_of(*begun),
                 static_cast<int>(number_of(*failures).value_or(0)),
                 moment_of(*not_before).value_or(Time()),
                 why->value_or("")};
}

Result<Time> Inbox::begin(Time now) {
  Write write(*state_);
  write.change("INSERT INTO bookmark(name,value) VALUES('poll-begun',?) ON CONFLICT DO NOTHING",
               text_of(now));
  return write.commit().and_then([&] { return polling(); }).map([&](const Polling& polling) {
    return polling.begun.value_or(now);
  });
}

Result<int> Inbox::take(const std::vector<NewFound>& page, Time now) {
  Write write(*state_);
  const int taken = insert(write, page, now);
  return write.commit().map([&] { return taken; });
}

Result<int> Inbox::take_last(const std::vector<NewFound>& page, std::string_view bookmark,
                             Time now) {
  Write write(*state_);
  const int taken = insert(write, page, now);
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string>("poll-bookmark", bookmark),
        {"poll-done", text_of(now)},
        {"poll-failures", "0"},
        {"poll-not-before", "0"},
        {"poll-why", ""}}) {
    write.change(kKeep, name, value);
  }
  return write.commit().map([&] { return taken; });
}

Done Inbox::failed(Time not_before, std::string_view why) {
  const auto before = polling();
  if (!before) {
    return tl::unexpected(before.error());
  }
  Write write(*state_);
  write.change(kKeep, std::string_view("poll-failures"), std::to_string(before->failures + 1));
  write.change(kKeep, std::string_view("poll-not-before"), text_of(not_before));
  write.change(kKeep, std::string_view("poll-why"), why);
  return write.commit();
}

Result<bool> Inbox::is_taken(std::string_view source, std::string_view version) {
  return state_->number("SELECT 1 FROM inbox WHERE source=? AND version=?", source, version)
      .map([](const auto& found) { return found.has_value(); });
}

Result<std::vector<std::string>> Inbox::delivered(std::string_view source,
                                                  std::string_view search) {
  const auto packed_bundles = state_->all(
      [](const Columns& row) { return row.text(0); },
      "SELECT i.bundle FROM item i JOIN step s ON s.item=i.id WHERE s.type='QuestionnaireResponse'"
      " AND s.state<>'intent' AND (s.id=? OR (length(?)>0 AND (s.search=? OR"
      " substr(s.search,1,length(?)+1)=? || '&')))",
      source, search, search, search, search);
  if (!packed_bundles) {
    return tl::unexpected(packed_bundles.error());
  }
  std::vector<std::string> bundles;
  for (const std::string& bytes : *packed_bundles) {
    auto text = unpacked(bytes);
    if (!text) {
      return tl::unexpected(text.error());
    }
    bundles.push_back(*std::move(text));
  }
  return bundles;
}

namespace {

// What is not there yet is empty.
Result<std::string> unpacked_part(const std::string& bytes) {
  return bytes.empty() ? Result<std::string>() : unpacked(bytes);
}

}  // namespace

// One that is damaged is parked, and holds up nothing behind it.
Result<std::optional<FoundContent>> Inbox::next(FoundState state) {
  for (;;) {
    auto row = first_of(state);
    if (!row || !*row) {
      return row;
    }
    auto& found = **row;
    auto response = unpacked_part(found.response);
    auto record = unpacked_part(found.record);
    if (response && record) {
      found.response = *std::move(response);
      found.record = *std::move(record);
      return row;
    }
    if (const auto done = park(found.id, "MF-3107", "what was found is damaged in the store");
        !done) {
      return tl::unexpected(done.error());
    }
  }
}

Result<std::optional<FoundContent>> Inbox::first_of(FoundState state) {
  return state_->first(
      [](const Columns& one) {
        return FoundContent{one.integer(0), one.text(1), time_of(one.integer(2)), one.text(3),
                            one.text(4)};
      },
      "SELECT id,source,since,response,record FROM inbox WHERE state=? ORDER BY id LIMIT 1",
      word_of(state));
}

Done Inbox::fetched(std::int64_t id, std::string_view record) {
  Write write(*state_);
  write.change("UPDATE inbox SET state='fetched', record=? WHERE id=? AND state='found'",
               packed(record), id);
  return write.commit();
}

Result<Receipt> Inbox::judged(std::int64_t id, const Submission& submission, Time now) {
  Write write(*state_);
  const auto before = state_->number("SELECT item FROM inbox WHERE id=? AND state='judged'", id);
  if (!before || *before) {  // another process was quicker
    return before.map([](const auto& item) { return Receipt{*item, false}; });
  }
  const auto receipt = keep(write, submission, now);
  if (!receipt) {
    return receipt;
  }
  // The assessment has it all.
  write.change(
      "UPDATE inbox SET state='judged', item=?, response='', record='', code='', reason=''"
      " WHERE id=?",
      receipt->item, id);
  return write.commit().map([&] { return *receipt; });
}

Done Inbox::park(std::int64_t id, std::string_view code, std::string_view reason) {
  Write write(*state_);
  write.change("UPDATE inbox SET state='parked', code=?, reason=? WHERE id=? AND state<>'judged'",
               code, reason, id);
  return write.commit();
}

Done Inbox::retry(std::int64_t id) {
  Write write(*state_);
  // Without its text it has to be found anew, from where it was changed on.
  int changed =
      write.change("DELETE FROM inbox WHERE id=? AND state='parked' AND length(response)=0", id);
  if (changed == 1) {
    write.change("DELETE FROM bookmark WHERE name='poll-bookmark'");
  } else {
    changed = write.change(
        "UPDATE inbox SET state='found', record='', code='', reason='' WHERE id=? AND"
        " state='parked'",
        id);
  }
  if (changed == 1) {
    return write.commit();
  }
  const auto known = state_->number("SELECT 1 FROM inbox WHERE id=?", id);
  if (!known) {
    return tl::unexpected(known.error());
  }
  return tl::unexpected(
      *known
          ? Failure{Exit::usage, fmt::format("MF-3105: response {} is not parked", id)}
          : Failure{Exit::usage, fmt::format("MF-3104: there is no response {} in the store", id)});
}

Result<std::vector<Found>> Inbox::list(bool with_done) {
  return state_->all(
      [](const Columns& row) {
        return Found{row.integer(0),          row.text(1), row.text(2), state_of(row.text(3)),
                     time_of(row.integer(4)), row.text(5), row.text(6), optional_of(row, 7)};
      },
      "SELECT id,source,version,state,since,code,reason,item FROM inbox WHERE ?<>0 OR state NOT IN"
      " ('judged','ours') ORDER BY id",
      with_done ? 1 : 0);
}

Result<FoundCounts> Inbox::counts() {
  auto found = state_->first(
      [](const Columns& row) {
        return FoundCounts{row.number(0), row.number(1), row.number(2), row.number(3)};
      },
      "SELECT COUNT(*) FILTER(WHERE state IN ('found','fetched')), COUNT(*) FILTER(WHERE"
      " state='judged'), COUNT(*) FILTER(WHERE state='ours'), COUNT(*) FILTER(WHERE"
      " state='parked') FROM inbox");
  return found.map([](auto&& counts) { return *counts; });
}

}  // namespace myoflag::store
