// languages/<tag>.yaml: what patients read, in another language.
#include "rules/languages.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "rules/loader/context.h"
#include "rules/texts.h"
#include "rules/wording.h"

namespace myoflag::rules::loading {
namespace {

constexpr std::string_view kFolder = "languages/";
constexpr std::string_view kEnding = ".yaml";
constexpr std::size_t kShown = 60;  // of a text, in a message

std::string shown(std::string_view text) {
  return excerpt_of(text.substr(0, kShown)) + (text.size() > kShown ? " ..." : "");
}

struct Entry {
  const Node* node = nullptr;
  std::string english, text;
  std::vector<std::string> items;  // linkIds; empty: wherever nothing else is said
  bool has_sources = false;
  bool is_unvalidated = false;
  bool is_spelled_out = false;
  bool is_same = false;
  bool is_used = false;
  bool is_told = false;
  std::optional<int> latest;  // hours: the shortest of those that the places allow
};

class LanguageReader {
 public:
  LanguageReader(Context& context, std::string_view file, const std::vector<PatientWords>& words)
      : context_(context), file_(file), words_(words) {}

  void read(const Node& root) {
    const Fields fields(context_, root,
                        {"language", "name", "direction", "reviewed", "times", "texts"});
    read_header(fields);
    if (const Node* times = fields.need("times")) {
      times_ = read_time_words(context_, *times);
    }
    for (const Node& node : fields.list("texts")) {
      read_entry(node);
    }
    if (fields.find("texts") != nullptr) {
      match(*fields.find("texts"));
    }
    context_.knowledge.languages.push_back(std::move(out_));
  }

 private:
  void read_header(const Fields& fields) {
    out_.tag = fields.text("language");
    const auto expected =
        file_.substr(kFolder.size(), file_.size() - kFolder.size() - kEnding.size());
    if (!out_.tag.empty() && out_.tag != expected) {
      context_.report(*fields.find("language"), "MF-2070",
                      fmt::format("the file of this language is called {}{}{}", kFolder,
                                  shown(out_.tag), kEnding));
    }
    if (out_.tag == "en") {
      context_.report(*fields.find("language"), "MF-2070",
                      "the English words are those of the other files");
    }
    out_.name = fields.text("name");
    out_.right_to_left = fields.word("direction", {"ltr", "rtl"}) == 1;
    const Node* reviewed = fields.need("reviewed");
    if (reviewed == nullptr ||
        (reviewed->kind == Node::Kind::scalar && reviewed->text == "false")) {
      return;
    }
    const Fields review(context_, *reviewed, {"by", "date"});
    if (review.is_map()) {
      out_.reviewed_by = review.text("by");
      const Node* date = review.need("date");
      out_.reviewed_on = date == nullptr ? "" : context_.date(*date);
    }
  }

  void read_entry(const Node& node) {
    const Fields fields(context_, node,
                        {"en", "text", "in", "sources", "unvalidated", "spelled-out", "same"});
    Entry entry;
    entry.node = &node;
    entry.english = fields.text("en");
    entry.text = fields.text("text");
    if (const Node* items = fields.find("in")) {
      entry.items = context_.one_or_more(*items);
      for (const std::string& item : entry.items) {
        check_item(*items, item);
      }
    }
    const auto sources = context_.find_all(context_.sources, fields.find("sources"));
    entry.has_sources = fields.find("sources") != nullptr;
    entry.is_unvalidated = fields.flag("unvalidated");
    entry.is_spelled_out = fields.flag("spelled-out");
    entry.is_same = fields.flag("same");
    for (const int source : sources) {
      if (std::find(out_.sources.begin(), out_.sources.end(), source) == out_.sources.end()) {
        out_.sources.push_back(source);
      }
    }
    if (entry.english.empty() || entry.text.empty()) {
      return;
    }
    check_words(entry);
    keep(std::move(entry));
  }

  void check_item(const Node& node, std::string_view item) {
    if (context_.items.complete && context_.knowledge.item(item) < 0) {
      context_.report(node, "MF-2021", fmt::format("there is no question `{}`", shown(item)));
    }
  }

  void check_words(const Entry& entry) {
    const Node& at = *entry.node->find("text");
    if (placeholders_in(entry.english) != placeholders_in(entry.text)) {
      context_.report(at, "MF-2074", "the words in braces are not those of the English text");
    }
    const bool same_numbers = numbers_in(entry.english) == numbers_in(entry.text);
    if (!same_numbers && !entry.is_spelled_out) {
      context_.report(at, "MF-2073",
                      fmt::format("the numbers are not those of the English text ({})",
                                  fmt::join(numbers_in(entry.english), ", ")));
    }
    if (same_numbers && entry.is_spelled_out) {
      context_.report(*entry.node->find("spelled-out"), "MF-2073",
                      "the numbers are those of the English text, so none is spelled out");
    }
    if (!entry.is_same && entry.english == entry.text) {
      context_.untranslated.push_back(&at);
    }
    if (entry.is_same && entry.english != entry.text) {
      context_.report(*entry.node->find("same"), "MF-2076", "the text is not the English one");
    }
  }

  void keep(Entry entry) {
    if (entry.items.empty()) {
      add(out_.texts, entry, "");
    }
    for (const std::string& item : entry.items) {
      add(out_.there[item], entry, item);
    }
    entries_.push_back(std::move(entry));
  }

  void add(Language::Texts& texts, const Entry& entry, std::string_view item) {
    if (!texts.emplace(entry.english, entry.text).second) {
      context_.report(*entry.node->find("en"), "MF-2072",
                      fmt::format("translated already{}{}", item.empty() ? "" : " for ", item));
      return;
    }
    index_.emplace(std::pair(std::string(item), entry.english), entries_.size());
  }

  // Null: nothing translates it.
  Entry* entry_for(const PatientWords& words) {
    for (const std::string_view item : {words.item, std::string_view()}) {
      const auto found = index_.find({std::string(item), *words.english});
      if (found != index_.end()) {
        return &entries_[found->second];
      }
    }
    return nullptr;
  }

  void match(const Node& texts) {
    std::set<std::string_view> missed;
    for (const PatientWords& words : words_) {
      Entry* entry = entry_for(words);
      if (entry != nullptr) {
        entry->is_used = true;
        note_told(words, *entry);
        check_there(words, *entry);
      } else if (missed.insert(*words.english).second) {
        context_.report(
            texts, "MF-2071",
            fmt::format("no translation of {}: {}", words.place, shown(*words.english)));
      }
    }
    for (const Entry& entry : entries_) {
      if (!entry.is_used && !context_.written.contains(entry.english)) {
        context_.report(*entry.node->find("en"), "MF-2071",
                        "patients read no such English text, or not there");
      }
      if (entry.is_told) {
        check_times_of(entry);
      }
    }
    check_options();
  }

  void check_times_of(const Entry& entry) {
    const Node& at = *entry.node->find("text");
    check_times(context_, at, times_, entry.latest);
    const bool both_known = times_.is_known() && context_.times.is_known();
    if (both_known &&
        times_in(times_, entry.text).hours() != times_in(context_.times, entry.english).hours()) {
      context_.report(at, "MF-2079", "the times are not those of the English text");
    }
  }

  static void note_told(const PatientWords& words, Entry& entry) {
    entry.is_told = entry.is_told || words.is_told;
    if (words.latest) {
      entry.latest = std::min(entry.latest.value_or(*words.latest), *words.latest);
    }
  }

  void check_there(const PatientWords& words, const Entry& entry) {
    const Node& at = *entry.node->find("text");
    const auto told = sentences(*words.english).size();
    if (words.is_told && told != sentences_of_any(entry.text).size()) {
      context_.report(at, "MF-2075",
                      fmt::format("as many sentences as in English are expected: {}", told));
    }
    if (!words.is_instrument) {
      return;
    }
    if (entry.has_sources == entry.is_unvalidated) {
      context_.report(*entry.node, "MF-2077",
                      fmt::format("{} is of a published instrument: `sources` says where its words "
                                  "are from, or `unvalidated: true` that they are ours",
                                  words.place));
    }
    if (entry.is_unvalidated &&
        !std::count(out_.unvalidated.begin(), out_.unvalidated.end(), entry.english)) {
      out_.unvalidated.push_back(entry.english);
    }
  }

  // Two answers in the same words would be one to the patient.
  void check_options() {
    for (const Item& item : context_.knowledge.items) {
      std::set<std::string_view> seen;
      for (const Option& option : item.options) {
        const PatientWords words{&option.text, item.link_id, {}, false, false, {}};
        const Entry* entry = entry_for(words);
        if (entry != nullptr && !seen.insert(entry->text).second) {
          context_.report(
              *entry->node->find("text"), "MF-2078",
              fmt::format("question {} has another option in the same words", item.link_id));
        }
      }
    }
  }

  Context& context_;
  const std::string_view file_;
  const std::vector<PatientWords>& words_;
  Language out_;
  TimeWords times_;
  std::vector<Entry> entries_;
  std::map<std::pair<std::string, std::string>, std::size_t> index_;  // item, English
};

}  // namespace

bool is_language_file(std::string_view name) {
  if (!name.starts_with(kFolder) || !name.ends_with(kEnding)) {
    return false;
  }
  const auto tag = name.substr(kFolder.size(), name.size() - kFolder.size() - kEnding.size());
  const auto is_tag_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return tag.size() >= 2 && tag.size() <= 35 && std::all_of(tag.begin(), tag.end(), is_tag_char);
}

void read_language(Context& context, const Node& root, std::string_view file,
                   const std::vector<PatientWords>& words) {
  LanguageReader(context, file, words).read(root);
}

}  // namespace myoflag::rules::loading
