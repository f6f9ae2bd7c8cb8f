#pragma once
// Words of a record and of the knowledge in one form, so that neither capitals, accents, dashes,
// apostrophes, trade marks nor white space of any kind hide that they are the same.

#include <string>
#include <string_view>

namespace myoflag::mapping {

// Letters in lower case and without accents, and digits; apostrophes fall away; one space for
// whatever else stands between words. "Lithium\u00ae  400" and "lithium 400" are the same. Bytes
// that are no UTF-8 separate words.
std::string plain_words(std::string_view text);

// The text of XHTML, with blanks for its tags.
std::string without_markup(std::string_view xhtml);

}  // namespace myoflag::mapping
