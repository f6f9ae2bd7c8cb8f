// The only file that names RE2.
#include <re2/re2.h>

#include "fhir/questionnaire.h"

namespace myoflag::fhir {

namespace {

class Re2Pattern : public Pattern {
 public:
  explicit Re2Pattern(std::string_view expression)
      : expression_(re2::StringPiece(expression.data(), expression.size()), options()) {}

  bool is_usable() const { return expression_.ok(); }

  bool matches(std::string_view text) const override {
    return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), expression_);
  }

 private:
  static re2::RE2::Options options() {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(4 << 20);
    return options;
  }

  re2::RE2 expression_;
};

}  // namespace

std::shared_ptr<const Pattern> Pattern::compile(std::string_view expression) {
  auto pattern = std::make_shared<Re2Pattern>(expression);
  return pattern->is_usable() ? pattern : nullptr;
}

}  // namespace myoflag::fhir
