#pragma once
// Style and script of the pages for patients.

#include "plugin/browser/answer.h"

namespace myoflag::intake {

const browser::Asset& style_file();
const browser::Asset& script_file();
const browser::Asset& keep_script_file();  // of pages with something to lose

}  // namespace myoflag::intake
