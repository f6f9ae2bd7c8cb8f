#pragma once
// What the clinic's pages say beside the explanation of the knowledge. Errors: MF-4262.

#include <tl/expected.hpp>

#include "plugin/browser/texts.h"
#include "plugin/failure.h"

namespace myoflag::review {

tl::expected<browser::Texts, Failure> embedded_texts();

}  // namespace myoflag::review
