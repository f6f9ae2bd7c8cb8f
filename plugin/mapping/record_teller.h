#pragma once
// What the reader of a record has to say: each fact once, problems with their places, and what a
// person must read. Everything in it is bounded.

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "plugin/mapping/context.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"
#include "rules/texts.h"

namespace myoflag::mapping {

class RecordTeller {
 protected:
  using RecordEntry = rules::RecordEntry;

  explicit RecordTeller(const rules::Knowledge& knowledge)
      : knowledge_(knowledge), bindings_(knowledge.bindings) {}

  static void add_place(const std::string& place, RecordProblem& problem);
  void say(std::string_view key, const RecordResource& resource,
           std::initializer_list<rules::Fill> values = {});
  void say_at(const std::string& place, std::string_view key,
              std::initializer_list<rules::Fill> values);
  void say_count(std::string place, std::string_view key,
                 std::initializer_list<rules::Fill> values);
  void say_unread(const RecordResource& resource);
  void add_said_words(const RecordResource& resource);
  void doubt_without_code(const Named& named, const RecordResource& resource);
  void doubt_untold(const Named& named, const RecordResource& resource);
  void list_unread(std::pair<RecordEntry::Kind, int> asked, const Named& named,
                   const RecordResource& resource, const Moment& when, bool is_current);
  void list_text(std::string text, const RecordResource& resource, Moment when,
                 bool is_current = true);
  void list_texts();
  // Alarms nobody.
  void list_unjudged(std::string text, const Moment& when);
  void say_unjudged();
  std::string or_unnamed(std::string words) const;
  std::string statement_text(const RecordResource& resource, std::string words) const;
  void assert_options(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
                      const RecordResource& resource, const Moment& when);
  void assert_conditions(const Named& named, const RecordResource& resource, const Moment& when);
  void assert_pregnancy(const Named& named, const RecordResource& resource, const Moment& when);
  void add_cautions(const Named& named, const RecordResource& resource, const Moment& when);
  static RecordEntry entry_of(RecordEntry::Kind kind, int item, std::uint64_t options,
                              std::string text, const RecordResource& resource, const Moment& when);
  void add(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
           const RecordResource& resource, const Moment& when, const std::string& caution = {});

  const rules::Knowledge& knowledge_;
  const rules::Bindings& bindings_;
  std::set<const RecordResource*> heard_;  // whose words are among the unread
  std::set<int> told_cautions_;            // places in the bindings
  RecordContext out_;

 private:
  // Something else of the record that a person must read.
  struct Text {
    std::string text;
    const RecordResource* resource = nullptr;
    Moment when;
    bool is_current = true;  // nobody is reassured beside it
    // Without a date it may be of today.
    auto order() const {
      return std::tuple(!is_current, -when.at.value_or(rules::Instant::max()).time_since_epoch(),
                        std::string_view(text), std::string_view(resource->reference));
    }
  };

  bool is_told_enough(RecordEntry::Kind kind, int item, std::uint64_t options,
                      const std::string& caution);
  static std::vector<std::uint64_t> bits_of(std::uint64_t options);

  // By kind and meaning: the words -> their place in the entries.
  std::map<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>,
           std::map<std::string, std::size_t>>
      said_;
  // Entries that say an option, and of which kinds and options there were more than are kept.
  std::map<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>, std::size_t> alike_;
  std::set<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>> cut_;
  static constexpr auto nowhere = std::numeric_limits<std::size_t>::max();
  std::size_t unread_at_ = nowhere;  // among the problems: that something is read by no rule
  std::set<std::string> unread_places_;
  std::vector<Text> texts_;
};

}  // namespace myoflag::mapping
