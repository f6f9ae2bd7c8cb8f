#pragma once
// One row a response, for spreadsheets and statistics: RFC 4180, UTF-8, lines ending in LF. Lists
// inside a field are separated by spaces. docs/batch.md describes the columns.

#include <string>
#include <string_view>

#include "plugin/assess.h"
#include "plugin/batch/records.h"

namespace myoflag::batch {

std::string table_head();
std::string table_row(const Assessed& assessed, std::string_view file, const Place& place);

}  // namespace myoflag::batch
