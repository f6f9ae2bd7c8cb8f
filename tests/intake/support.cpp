#include "tests/intake/support.h"

#include <stdexcept>

#include "plugin/knowledge/knowledge.h"

namespace myoflag::testing {

rules::KnowledgePtr shared_knowledge() {
  static const rules::KnowledgePtr shared = embedded_knowledge();
  return shared;
}

const rules::Knowledge& knowledge() { return *shared_knowledge(); }

const intake::Presentation& presentation() {
  static const intake::Presentation shared = intake::embedded_presentation().value();
  return shared;
}

int item(std::string_view link_id) {
  const int index = knowledge().item(link_id);
  if (index < 0) {
    throw std::logic_error("no such question: " + std::string(link_id));
  }
  return index;
}

intake::Answer answer(const Said& said) {
  const auto& asked = knowledge().items[static_cast<std::size_t>(item(said.first))];
  if (asked.type != rules::ItemType::choice) {
    return {0, std::string(said.second)};
  }
  intake::Answer out;
  auto rest = said.second;
  while (!rest.empty()) {
    const auto end = rest.find(',');
    const int option = asked.option(rest.substr(0, end));
    if (option < 0) {
      throw std::logic_error("no such option of " + asked.link_id);
    }
    out.chosen |= std::uint64_t{1} << option;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return out;
}

intake::Draft draft(std::initializer_list<Said> all) {
  intake::Draft out;
  for (const auto& said : all) {
    out.insert_or_assign(item(said.first), answer(said));
  }
  return out;
}

intake::Draft benign() {
  return draft({{"em-now", "none"},
                {"em-sudden", "none"},
                {"em-spreading", "none"},
                {"em-context", "none"},
                {"who-answers", "self"},
                {"age-years", "46"},
                {"sex-at-birth", "male"},
                {"movement-type", "flicker"},
                {"site-scope", "eyelid-only"},
                {"eyelid-detail", "lid-flutter"},
                {"duration", "under-1-week"},
                {"course", "better"},
                {"function-loss", "none"},
                {"muscle-changes", "none"},
                {"head-neck-symptoms", "none"},
                {"sensory-sites", "none"},
                {"wider-changes", "none"},
                {"lifestyle", "none"},
                {"worry-level", "little"},
                {"medicine-classes", "none"},
                {"anything-else", ""}});
}

}  // namespace myoflag::testing
