#pragma once
// What the clinic's pages have in common, and how an explanation is drawn. For .cpp files of the
// review only.

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/browser/html.h"
#include "plugin/review/summary.h"
#include "rules/explain.h"

namespace myoflag::review {

using browser::Html;

std::string whole(const Look& look, std::string_view title, std::string_view tier,
                  const Html& body);

std::string say(const Look& look, std::string_view key, std::initializer_list<rules::Fill> = {});

// What stands above a page of a form: whose it is, where it leads.
void add_top(Html& html, const Look& look);

// Who signed in, and the way out. Nothing where nobody did.
void add_staff(Html& html, const Look& look);

void add_hidden(Html& html, browser::Word name, std::string_view value);

// What stands behind a line; may be null.
using AfterLine = std::function<void(Html& html, const rules::Line& line)>;

// Lines with their indents as nested lists.
void add_lines(Html& html, const std::vector<rules::Line>& lines, const AfterLine& after = nullptr);
void add_section(Html& html, const rules::Section& section, const AfterLine& after = nullptr);

}  // namespace myoflag::review
